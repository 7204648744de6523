import pg from "pg";
import { connectionSettings } from "../../common/database.ts";
import type { Viewer } from "../../common/viewer.ts";
import { StreamSearchStore } from "../../subgraphs/stream/stream/search-store.ts";
import { CommunityStreamStore } from "../../subgraphs/stream/stream/search/community-store.ts";
import { indexOnlyPage, type Asked } from "./index-only.ts";

const { DATABASE_URL = "" } = process.env;
const db = new pg.Pool(connectionSettings(DATABASE_URL, "bench-index-only"));

// The installation, but for how it finds the streams of a list.
Object.assign(StreamSearchStore.prototype, {
  list(this: { viewer: Viewer }, asked: Asked) {
    return indexOnlyPage(db, this.viewer.identityId, asked);
  },
});
Object.assign(CommunityStreamStore.prototype, {
  list(this: { viewer: Viewer }, id: string, asked: Asked) {
    return indexOnlyPage(db, this.viewer.identityId, { ...asked, id });
  },
});
await import("../../installation/main.ts");
