import Sequencer from "@jest/test-sequencer";

/**
 * The long ones first, the longest before all, so that none of them runs alone in the end. A fresh clone knows nothing
 * of their times: Jest would go by the size of the file.
 */
const first = [
  "tests/clients/",
  "tests/proof/",
  "tests/oracle/doors",
  "tests/series/equal",
  "tests/oracle/gate.test",
  "tests/installation/stop",
  "tests/installation/demo.test",
  "tests/installation/start",
  "tests/story/examples",
  "tests/commands/",
  "tests/installation/",
  "tests/story/",
  "tests/oracle/",
  "tests/common/embedded-postgres",
  "tests/mail/smtp",
  "tests/gateway/stop",
  "tests/gateway/reload",
  "tests/gateway/fuzz",
  "tests/issuer/outside-flow",
  "tests/issuer/token-command",
  "tests/stream/search",
  "tests/stream/download",
  "tests/stream/ingest",
  "tests/stream/reads",
  "tests/stream/event-model",
  "tests/ledger/command",
  "tests/issuer/password",
  "tests/mail/",
  "tests/gateway/persisted-operations",
  "tests/gateway/failure",
  "tests/federation/",
  "tests/community/ledger-audience",
  "tests/community/invitation",
  "tests/lint",
];

const rank = ({ path }) => {
  const at = first.findIndex((folder) => path.includes(folder));
  return at < 0 ? first.length : at;
};

export default class extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
}
