import Sequencer from "@jest/test-sequencer";

/** The long ones first, so that none of them runs alone in the end. */
const first = [
  "tests/proof/",
  "tests/oracle/",
  "tests/common/embedded-postgres",
  "tests/installation/",
  "tests/story/",
  "tests/mail/smtp",
  "tests/community/ledger-audience",
  "tests/series/equal",
  "tests/commands/",
  "tests/community/invitation",
  "tests/ledger/command",
  "tests/stream/search",
  "tests/stream/download",
  "tests/stream/ingest",
  "tests/stream/event-model",
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
