import { serveByHand } from "./by-hand.ts";
import { indexOnlyPage, type Asked } from "./index-only.ts";

serveByHand<Asked>(async (db, viewer, asked) => {
  const streams = await indexOnlyPage(db, viewer, asked);
  return JSON.stringify({
    data: asked.id ? { community: { streams } } : { streams },
  });
});
