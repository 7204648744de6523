/** Loaded into the processes that tests start: when the test run is killed, its standard input closes, and the process stops as an operator would stop it. */
process.stdin.on("close", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume().unref();
