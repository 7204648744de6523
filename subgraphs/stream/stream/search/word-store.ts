import { prepared, type Knex } from "../../../../common/database.ts";
import { sql, type Sql } from "../../../../common/sql.ts";
import type { Viewer } from "../../../../common/viewer.ts";
import {
  driverOf,
  drivingTerms,
  hasChoice,
  maxCount,
  maxSlots,
  type Driver,
} from "./driver.ts";
import { regexOf, wordPatternOf } from "./pattern.ts";
import type { Expression, Term } from "./syntax.ts";

/** Whose rows of stream.words are meant: the own tenant's, or those of communities. */
export type Scope = "OWN" | "SHARED";

/** By which words the own and the shared streams of a search are found. */
export interface Plan {
  readonly own: Driver;
  readonly shared: Driver;
}

/** All have to be looked through. */
export const noPlan: Plan = { own: null, shared: null };

/** A term that more words hold than this is looked for stream by stream. */
const maxWords = 200;

/** The words of the streams that one viewer's searches look through: what leads to them, and never what may be read. */
export class WordStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** For the own streams and those shared in communities where the viewer takes part: in all of these, or in all. */
  async plan(
    expression: Expression,
    communityIds: readonly string[] | null,
  ): Promise<Plan> {
    const terms = drivingTerms(expression);
    if (terms.length === 0) return noPlan;
    const communities = this.communities(communityIds);
    const [words, tenants] = await Promise.all([
      this.words(terms, communities, hasChoice(expression)),
      this.tenants(terms, communities),
    ]);
    const drivers = (scope: Scope) => (term: Term) => {
      const place = terms.indexOf(term);
      // A term that is in the tenant's name is held by all of its streams.
      if (place < 0 || (term.field === null && tenants[place]?.[scope]))
        return null;
      const found = words.filter(
        (word) => word.place === place && word.scope === scope,
      );
      return found.length > maxWords
        ? null
        : new Map(found.map(({ word, count }) => [word, count]));
    };
    return {
      own: driverOf(expression, drivers("OWN")),
      shared: driverOf(expression, drivers("SHARED")),
    };
  }

  /** How many streams hold a word is counted where there is a choice of words to make; else whether one does. */
  private words(terms: readonly Term[], communities: Sql, isChoice: boolean) {
    const { identityId } = this.viewer;
    return this.rows<{
      place: number;
      scope: Scope;
      word: string;
      count: number;
    }>(
      sql`with scopes as materialized (
            select 'OWN' as scope, i.tenant_id as id from tenant.published_identities i where i.uuid = ${identityId}
            union all
            select 'SHARED', c.id from (${communities}) c
          ),
          found as materialized (
            select p.place, s.scope, s.id, v.word
            from unnest(${terms.map(wordPatternOf)}::text[]) with ordinality as p (pattern, place)
            cross join scopes s
            cross join lateral (select v.word from stream.vocabulary v
                                where v.scope = s.scope and v.scope_id = s.id and v.word like lower(p.pattern)
                                limit ${maxWords + 1}) v
          )
          select f.place - 1 as place, f.scope, f.word, sum(c.count)::int as count
          from found f
          cross join lateral (
            select count(*) from (select from stream.words x
                                  where x.scope = f.scope and x.scope_id = f.id and x.word = f.word
                                  limit case when ${isChoice} or (select count(distinct f.word) from found f) > ${maxSlots}
                                             then ${maxCount} else 1 end) x
          ) c
          where c.count > 0
          group by f.place, f.scope, f.word`,
    );
  }

  /** Which of the terms are in the name of the own tenant, or of one that is in these communities. */
  private tenants(terms: readonly Term[], communities: Sql) {
    return this.rows<Record<Scope, boolean>>(
      sql`select exists (select from tenant.published_identities i
                         join tenant.published_tenants t on t.id = i.tenant_id
                         where i.uuid = ${this.viewer.identityId} and lower(t.name) ~ lower(r.regex)) as "OWN",
                 exists (select from (${communities}) c
                         join community.published_memberships m on m.community_id = c.id
                         join tenant.published_tenants t on t.id = m.tenant_id
                         where lower(t.name) ~ lower(r.regex)) as "SHARED"
          from unnest(${terms.map(regexOf)}::text[]) with ordinality as r (regex, place)
          order by r.place`,
    );
  }

  private communities(ids: readonly string[] | null): Sql {
    const { identityId } = this.viewer;
    return ids === null
      ? sql`select p.community_id as id from stream.participations(${identityId}) p`
      : sql`select c.id from community.published_communities c
            cross join lateral stream.participation(${identityId}, c.id) p
            where c.uuid = any (${ids}::uuid[])`;
  }

  private rows<Row>({ text, bindings }: Sql): Promise<Row[]> {
    return prepared(this.db, this.db.raw(text, bindings as Knex.RawBinding[]));
  }
}
