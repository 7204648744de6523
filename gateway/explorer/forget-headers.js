/* What stands under "Headers" is an access token more often than not: what a page kept of it before is forgotten. */
{
  localStorage.removeItem("graphiql:headers");
  const tabs = localStorage.getItem("graphiql:tabState");
  if (tabs)
    localStorage.setItem(
      "graphiql:tabState",
      JSON.stringify(JSON.parse(tabs), (key, value) =>
        key === "headers" ? null : value,
      ),
    );
}
