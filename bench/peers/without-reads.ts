import { ReadRecorder } from "../../subgraphs/stream/usage/recorder-store.ts";

// The installation, but for the record of who reads what.
ReadRecorder.prototype.noterOf = () => () => undefined;
await import("../../installation/main.ts");
