import { join, plain, sql, type Sql } from "../../../../common/sql.ts";
import { regexOf } from "./pattern.ts";
import { fields, type Expression, type Field, type Term } from "./syntax.ts";

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

/** What a search asks of one text: that it matches a regular expression, or that it does not. */
interface Demand {
  readonly field: Field | null;
  readonly regex: string;
  readonly isMatched: boolean;
}

/** A search as demands that are all met by what it finds; null if it is more intricate than that. */
function demandsOf(expression: Expression): readonly Demand[] | null {
  switch (expression.is) {
    case "term":
      return [
        {
          field: expression.field,
          regex: regexOf(expression),
          isMatched: true,
        },
      ];
    case "not": {
      const [demand, ...others] = demandsOf(expression.of) ?? [];
      return demand && others.length === 0
        ? [{ ...demand, isMatched: !demand.isMatched }]
        : null;
    }
    case "and": {
      const all = expression.of.map(demandsOf);
      return all.every((demands) => demands !== null) ? all.flat() : null;
    }
    case "or":
      return eitherOf(expression.of.map(demandsOf));
  }
}

/** One demand instead of several of the same text. */
function eitherOf(
  all: readonly (readonly Demand[] | null)[],
): readonly Demand[] | null {
  const demands = all.map((of) => (of?.length === 1 ? of[0] : undefined));
  const [first] = demands;
  if (!first) return null;
  const regexes = demands.flatMap((demand) =>
    demand?.isMatched && demand.field === first.field ? [demand.regex] : [],
  );
  return regexes.length === demands.length
    ? [{ ...first, regex: regexes.map((regex) => `(?:${regex})`).join("|") }]
    : null;
}

const textOfDemand = plain(
  `lower(coalesce(case d.field ${fields.map((field) => `when '${field}' then ${texts[field]}`).join(" ")} else ${anyText} end, ''))`,
);

/** However many demands there are, the statement's text is the same, so that it can be prepared. */
const meets = (demands: readonly Demand[]) =>
  sql`not exists (select from unnest(${demands.map(({ field }) => field)}::text[], ${demands.map(({ regex }) => regex)}::text[],
                                     ${demands.map(({ isMatched }) => isMatched)}::boolean[]) as d (field, regex, is_matched)
                  where (${textOfDemand} ~ lower(d.regex)) <> d.is_matched)`;

/** Whether the text of its condition is that of most searches, and of none. */
export const isUsualSearch = (expression: Expression | null): boolean =>
  expression === null || demandsOf(expression) !== null;

/** What is true for the streams that a search finds; everything is found without one. */
export function conditionOfSearch(expression: Expression | null): Sql {
  if (expression === null) return meets([]);
  const demands = demandsOf(expression);
  return demands ? meets(demands) : conditionOf(expression);
}

function conditionOf(expression: Expression): Sql {
  switch (expression.is) {
    case "term":
      return sql`${textOf(expression.field)} ~ lower(${regexOf(expression)}::text)`;
    case "not":
      return sql`not (${conditionOf(expression.of)})`;
    case "and":
    case "or":
      return join(
        expression.of.map((of) => sql`(${conditionOf(of)})`),
        ` ${expression.is} `,
      );
  }
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
