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

/** Of each clause one demand has to be met. */
type Clause = readonly Demand[];

const maxClauses = 64;

/** A search, or its opposite, as clauses that all have to hold; null if it takes too many. */
function clausesOf(
  expression: Expression,
  isMatched = true,
): readonly Clause[] | null {
  switch (expression.is) {
    case "term": {
      const { field } = expression;
      return [[{ field, regex: regexOf(expression), isMatched }]];
    }
    case "not":
      return clausesOf(expression.of, !isMatched);
    case "and":
    case "or": {
      const join = (expression.is === "and") === isMatched ? both : either;
      return expression.of
        .map((of) => clausesOf(of, isMatched))
        .reduce((a, b) => {
          const joined = a && b && join(a, b);
          return joined && joined.length <= maxClauses ? joined : null;
        });
    }
  }
}

type Clauses = readonly Clause[];

const both = (a: Clauses, b: Clauses): Clauses => [...a, ...b];

const either = (a: Clauses, b: Clauses): Clauses =>
  a.flatMap((one) => b.map((other) => oneTextEach([...one, ...other])));

/** What may match the same text in one expression. */
function oneTextEach(clause: Clause): Clause {
  const unmatched = clause.filter(({ isMatched }) => !isMatched);
  const matched = clause.filter(({ isMatched }) => isMatched);
  const fieldsOf = [...new Set(matched.map(({ field }) => field))];
  return [
    ...unmatched,
    ...fieldsOf.map((field) => ({
      field,
      regex: matched
        .filter((demand) => demand.field === field)
        .map(({ regex }) => `(?:${regex})`)
        .join("|"),
      isMatched: true,
    })),
  ];
}

const textOfDemand = plain(
  `lower(coalesce(case d.field ${fields.map((field) => `when '${field}' then ${texts[field]}`).join(" ")} else ${anyText} end, ''))`,
);

const isMet = plain(`(${textOfDemand.text} ~ lower(d.regex)) = d.is_matched`);

/** However many there are, the statement's text is one of two, so that it can be prepared. */
function meets(clauses: Clauses): Sql {
  const demands = clauses.flat();
  const places = clauses.flatMap((clause, place) => clause.map(() => place));
  const bound = sql`unnest(${places}::int[], ${demands.map(({ field }) => field)}::text[], ${demands.map(({ regex }) => regex)}::text[],
                           ${demands.map(({ isMatched }) => isMatched)}::boolean[]) as d (clause, field, regex, is_matched)`;
  return demands.length === clauses.length
    ? sql`not exists (select from ${bound} where not (${isMet}))`
    : sql`not exists (select from ${bound} group by d.clause having not bool_or(${isMet}))`;
}

/** Whether the text of its condition is that of most searches, and of none. */
export const isUsualSearch = (expression: Expression | null): boolean =>
  expression === null || clausesOf(expression) !== null;

/** What is true for the streams that a search finds; everything is found without one. */
export function conditionOfSearch(expression: Expression | null): Sql {
  if (expression === null) return meets([]);
  const clauses = clausesOf(expression);
  return clauses ? meets(clauses) : conditionOf(expression);
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
export const rankOf = (expression: Expression | null, name: Sql): Sql =>
  sql`-(select count(*) from unnest(${(expression ? nameTerms(expression) : []).map(regexOf)}::text[]) as r (regex)
        where lower(${name}) ~ lower(r.regex))::int`;

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
