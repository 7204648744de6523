import { serveByHand } from "./by-hand.ts";

/** The whole page as one statement that builds its JSON. */
const page = `
  select row_to_json(page)::text as page from (
    select c.name,
      (select row_to_json(x) from (select array(
         select row_to_json(m) from (
           select (select row_to_json(t) from (select t.name) t) as tenant
           from community.memberships m
           join tenant.tenants t on t.id = m.tenant_id
           where m.community_id = c.id
           order by m.tenant_id <> c.owner_tenant_id, m.joined_at, m.uuid
           limit 50) m
       ) as nodes) x) as memberships,
      (select row_to_json(x) from (select array(
         select row_to_json(s) from (
           select s.uuid as id, s.name,
             (select row_to_json(t) from (select t.name) t) as tenant,
             (select row_to_json(l) from (
               select l.ts as timestamp, l.value from stream.latest l
               where l.tenant_id = s.tenant_id and l.stream_id = s.id) l) as last
           from stream.readable_here($1) r
           join stream.streams s on s.tenant_id = r.tenant_id and s.id = r.id
           join tenant.tenants t on t.id = s.tenant_id
           where r.community_id = c.id
           order by s.name, s.uuid
           limit 20) s
       ) as nodes) x) as streams
    from community.communities c
    where c.uuid = $2 and exists (
      select from community.members m
      join community.memberships p on p.id = m.membership_id
      join tenant.identities i on i.id = m.identity_id
      where p.community_id = c.id and i.uuid = $1 and i.enabled)
  ) page`;

serveByHand(async (db, viewer, { id }) => {
  const { rows } = await db.query<{ page: string }>({
    name: "page",
    text: page,
    values: [viewer, id],
  });
  return `{"data":{"community":${rows[0]?.page ?? "null"}}}`;
});
