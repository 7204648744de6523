import { prepared, type Knex } from "../../../../common/database.ts";
import { nothing, plain, sql, type Sql } from "../../../../common/sql.ts";
import type { Viewer } from "../../../../common/viewer.ts";
import {
  driverOf,
  drivingTerms,
  hasChoice,
  maxCompared,
  maxCount,
  maxSlots,
  type Driver,
} from "./driver.ts";
import { isOfOneWord, isWhole, regexOf, wordPatternOf } from "./pattern.ts";
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

/** As one text, a name a line, in which a term is looked for once and not once a tenant. */
const ofTenants = plain(`
          union all
          select p.place, 'SHARED', null, 0, null
          from (select lower(string_agg(t.name, E'\\n')) as names from tenant.published_tenants t
                where t.id = any (array(select m.tenant_id from scopes s
                                        join community.published_memberships m on m.community_id = s.id
                                        where s.scope = 'SHARED'))) t
          join terms p on t.names ~ lower(p.regex)`);

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
    const leading = await this.leading(
      terms,
      this.communities(communityIds),
      hasChoice(expression),
    );
    const drivers = (scope: Scope) => (term: Term) => {
      const place = terms.indexOf(term);
      const found = leading.filter(
        (one) => one.place === place && one.scope === scope,
      );
      const words = found.flatMap(({ word, count, reach }) =>
        word === null ? [] : [[word, { count, reach }] as const],
      );
      // A term that is in the tenant's name is held by all of its streams.
      const isOfTenant = term.field === null && words.length < found.length;
      return place < 0 || isOfTenant || words.length > maxWords
        ? null
        : {
            words: new Map(words),
            also: [],
            isExact:
              isOfOneWord(term) && words.every(([word]) => isWhole(word)),
          };
    };
    return {
      own: driverOf(expression, drivers("OWN")),
      shared: driverOf(expression, drivers("SHARED")),
    };
  }

  /**
   * How many streams hold a word is counted where there is a choice to make. A word of null tells that the term is
   * in the name of the own tenant, or of one that is in these communities.
   */
  private leading(
    terms: readonly Term[],
    communities: Sql | null,
    isChoice: boolean,
  ) {
    const { identityId } = this.viewer;
    return this.rows<{
      place: number;
      scope: Scope;
      word: string | null;
      count: number;
      reach: string | null;
    }>(
      sql`with scopes as materialized (
            select 'OWN' as scope, i.tenant_id as id from tenant.published_identities i where i.uuid = ${identityId}
            ${communities ? sql`union all select 'SHARED', c.id from (${communities}) c` : nothing}
          ),
          terms as materialized (
            select p.pattern, p.regex, p.place::int - 1 as place
            from unnest(${terms.map(wordPatternOf)}::text[], ${terms.map(regexOf)}::text[])
              with ordinality as p (pattern, regex, place)
          ),
          found as materialized (
            select p.place, s.scope, s.id, v.word
            from terms p
            cross join scopes s
            cross join lateral (select v.word from stream.vocabulary v
                                where v.scope = s.scope and v.scope_id = s.id and v.word like lower(p.pattern)
                                limit ${maxWords + 1}) v
          ),
          counting as materialized (
            select case when count(distinct f.word) > ${maxSlots} then ${maxCount}
                        when ${isChoice} then ${maxCompared} else 0 end as at_most
            from found f
          )
          select f.place, f.scope, f.word, sum(c.count)::int as count,
                 min(c.reach) filter (where c.count = n.at_most) as reach
          from found f
          cross join counting n
          cross join lateral (
            select count(*), max(x.name) as reach
            from (select x.name from stream.words x
                  where x.scope = f.scope and x.scope_id = f.id and x.word = f.word
                  order by x.name, x.uuid limit n.at_most) x
          ) c
          where c.count > 0 or n.at_most = 0
          group by f.place, f.scope, f.word
          union all
          select p.place, s.scope, null, 0, null
          from scopes s
          join tenant.published_tenants t on t.id = s.id
          join terms p on lower(t.name) ~ lower(p.regex)
          where s.scope = 'OWN'
          ${communities ? ofTenants : nothing}`,
    );
  }

  /** Null for none. */
  private communities(ids: readonly string[] | null): Sql | null {
    const { identityId } = this.viewer;
    if (ids?.length === 0) return null;
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
