import "../../common/typescript/register.js";

await import("./thread.ts");
