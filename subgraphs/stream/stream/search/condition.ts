import { join, plain, sql, type Sql } from "../../../../common/sql.ts";
import { regexOf } from "./pattern.ts";
import type { Expression, Field, Term } from "./syntax.ts";

/**
 * What a search looks through, of a stream s of a type y and a tenant t as the gate g shows it: of other tenants'
 * streams what rule 18 shows, so that no hit hints at the rest.
 */
const texts: Record<Field, string> = {
  name: "s.name",
  description: "s.description",
  tags: "array_to_string(s.tags, E'\\n')",
  type: "y.name",
  tenant: "t.name",
  externalId: "case when g.is_own then s.external_id end",
  metadata: "case when g.is_own then s.metadata::text end",
};
const anyText = `concat_ws(E'\\n', ${Object.values(texts).join(", ")})`;

const textOf = (field: Field | null) =>
  plain(`lower(coalesce(${field === null ? anyText : texts[field]}, ''))`);

/** What is true for the streams that a search finds. */
export function conditionOf(expression: Expression): Sql {
  switch (expression.is) {
    case "term":
      return sql`${textOf(expression.field)} ~ lower(${regexOf(expression)}::text)`;
    case "not":
      return sql`not (${conditionOf(expression.of)})`;
    case "or":
      return join(
        expression.of.map((of) => sql`(${conditionOf(of)})`),
        " or ",
      );
    case "and": {
      const terms = expression.of.filter(isPlain);
      const others = expression.of.filter((of) => !isPlain(of));
      return join(
        [allOf(terms), ...others.map((of) => sql`(${conditionOf(of)})`)],
        " and ",
      );
    }
  }
}

/** However many terms there are, the statement's text is the same: of a plain search it can be prepared. */
const allOf = (terms: readonly Term[]) =>
  sql`not exists (select from unnest(${terms.map(regexOf)}::text[]) as r (regex)
                  where ${textOf(null)} !~ lower(r.regex))`;

const isPlain = (expression: Expression): expression is Term =>
  expression.is === "term" && expression.field === null;

/** As what a search of terms in any field is compiled: the same text for all of them, none included. */
export const isPlainSearch = (expression: Expression | null): boolean =>
  expression === null ||
  isPlain(expression) ||
  (expression.is === "and" && expression.of.every(isPlain));

/** Like `conditionOf`; everything is found without a search. */
export const conditionOfSearch = (expression: Expression | null): Sql =>
  expression !== null && !isPlainSearch(expression)
    ? conditionOf(expression)
    : allOf(plainTerms(expression));

function plainTerms(expression: Expression | null): readonly Term[] {
  if (expression === null) return [];
  return (expression.is === "and" ? expression.of : [expression]).filter(
    isPlain,
  );
}

/** Of the streams that are found those come first whose names hold more of what was searched for. */
export const rankOf = (expression: Expression | null): Sql =>
  sql`-(select count(*) from unnest(${(expression ? nameTerms(expression) : []).map(regexOf)}::text[]) as r (regex)
        where ${textOf("name")} ~ lower(r.regex))::int`;

function nameTerms(expression: Expression): readonly Term[] {
  switch (expression.is) {
    case "term":
      return expression.field === null || expression.field === "name"
        ? [expression]
        : [];
    case "and":
    case "or":
      return expression.of.flatMap(nameTerms);
    case "not":
      return [];
  }
}
