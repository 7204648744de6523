export type TenantKey = "plant" | "vendor" | "utility" | "analytics";
export type CommunityKey = "compressors" | "coolingWater";
type Role = "ACCOUNT_ADMINISTRATOR" | "DATA_STEWARD" | "CONTRIBUTOR" | "VIEWER";

/** The demo's companies, each with a user of every role and a client program. */
export const tenants: Readonly<
  Record<TenantKey, { name: string; domain: string }>
> = {
  plant: { name: "Norderau Chemicals", domain: "norderau.example" },
  vendor: { name: "Volute Compressors", domain: "volute.example" },
  utility: { name: "Auwasser Utilities", domain: "auwasser.example" },
  analytics: { name: "Lumen Analytics", domain: "lumen.example" },
};

interface DemoUser {
  readonly name: string;
  readonly local: string;
  readonly roles: readonly Role[];
}

/** In every company, by the same names; the first founds it. */
export const users: readonly [DemoUser, ...DemoUser[]] = [
  { name: "Ada Berg", local: "ada", roles: ["ACCOUNT_ADMINISTRATOR"] },
  { name: "Dana Stolz", local: "dana", roles: ["DATA_STEWARD"] },
  { name: "Cem Aydin", local: "cem", roles: ["CONTRIBUTOR"] },
  { name: "Vera Lind", local: "vera", roles: ["VIEWER"] },
  { name: "Milo Hart", local: "milo", roles: [] },
];

/** Who owns, who takes part, and who has paused what it shares there. */
export const communities: Readonly<
  Record<
    CommunityKey,
    {
      name: string;
      description: string;
      owner: TenantKey;
      members: readonly TenantKey[];
      paused: readonly TenantKey[];
    }
  >
> = {
  compressors: {
    name: "Compressor Health",
    description:
      "Condition of the recycle compressor, shared with those who built it and those who watch it.",
    owner: "plant",
    members: ["vendor", "analytics"],
    paused: [],
  },
  coolingWater: {
    name: "Cooling Water Loop",
    description:
      "Supply and return of the cooling water between works and plant.",
    owner: "utility",
    members: ["plant", "analytics"],
    paused: ["plant"],
  },
};
