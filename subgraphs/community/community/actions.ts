import { badInput, forbidden } from "../../../common/errors.ts";
import { descriptionFrom, nameFrom, parseEmail } from "../../../common/text.ts";
import type { AccessChange } from "../access-change/store.ts";
import type { CommunityContext } from "../context.ts";
import type {
  CreateCommunityInput,
  MutationDeleteCommunityArgs,
} from "../generated.ts";
import { endedRoles } from "../member/roles.ts";
import type { Community } from "./store.ts";

export async function createCommunity(
  input: CreateCommunityInput,
  { communities, inTransaction }: CommunityContext,
): Promise<Community> {
  const name = nameFrom(input.name, "input.name");
  const description = descriptionFrom(input.description, "input.description");
  const preferredRegion = labelFrom(
    input.preferredRegion,
    "input.preferredRegion",
  );
  const alias = labelFrom(input.alias, "input.alias");
  const contactEmail = contactEmailFrom(input.contactEmail);

  const id = await inTransaction(async (unit) => {
    await unit.members.lockSettings();
    await unit.members.lockIdentities([]);
    const founder = await unit.communities.founder();
    if (founder === null)
      throw forbidden(
        "You may no longer create a community. Ask your tenant's account administrator.",
      );
    const community = await unit.communities.add(
      { name, description, preferredRegion },
      founder,
    );
    const membership = await unit.memberships.add(
      community.rowId,
      founder.tenantRowId,
      { alias, contactEmail },
    );
    await unit.members.set(membership.rowId, [
      { rowId: founder.identityRowId, role: "ADMINISTRATOR" },
    ]);

    const concerned = {
      tenantIds: [founder.tenantId],
      communityId: community.id,
    };
    await unit.record(
      "createCommunity",
      [
        {
          ...concerned,
          kind: "COMMUNITY",
          subjectType: "Community",
          subjectId: community.id,
          after: { ownerTenantId: founder.tenantId, preferredRegion },
        },
        {
          ...concerned,
          kind: "MEMBERSHIP",
          subjectType: "Membership",
          subjectId: membership.id,
          after: { tenantId: founder.tenantId, status: "ACTIVE" },
        },
        {
          ...concerned,
          kind: "ROLE",
          subjectType: "Identity",
          subjectId: founder.identityId,
          after: { role: "ADMINISTRATOR" },
        },
      ],
      [
        { id: community.id, name },
        ...(alias === null && contactEmail === null
          ? []
          : [{ id: membership.id, name: alias, email: contactEmail }]),
      ],
    );
    return community.id;
  });
  return communities.get(id);
}

export const deleteCommunity = (
  { id, confirmName }: MutationDeleteCommunityArgs,
  { inTransaction }: CommunityContext,
): Promise<AccessChange> =>
  inTransaction(
    async ({ communities, memberships, members, accessChanges, record }) => {
      await communities.lock(id);
      const sharingOf = await memberships.lock(id, "ALL");
      await members.lockAll(sharingOf);
      const community = await communities.require("DELETE", id, "id");
      if (confirmName !== community.name)
        throw badInput(
          "This is not the community's name. Repeat the name exactly to delete the community.",
          "confirmName",
        );

      const change = await accessChanges.foresee(community, { sharingOf });
      const ended = await memberships.all(community);
      const roles = await members.rolesOf(sharingOf);
      await communities.remove(community);
      await record(
        "deleteCommunity",
        [
          {
            kind: "COMMUNITY",
            subjectType: "Community",
            subjectId: community.id,
            tenantIds: ended.map(({ tenantId }) => tenantId),
            communityId: community.id,
            before: {
              ownerTenantId: community.ownerTenantId,
              memberships: ended.map(({ id, tenantId, status }) => ({
                id,
                tenantId,
                status,
              })),
            },
            after: { endedShareCount: change.shareCount },
          },
          ...endedRoles(community.id, roles),
        ],
        [{ id: community.id, name: community.name }],
      );
      return change;
    },
  );

const labelFrom = (text: string | null | undefined, at: string) =>
  text == null ? null : nameFrom(text, at);

function contactEmailFrom(text: string | null | undefined): string | null {
  if (text == null) return null;
  const email = parseEmail(text);
  if (email === null)
    throw badInput(
      "This is no e-mail address. Write one such as data@example.com.",
      "input.contactEmail",
    );
  return email;
}
