import type { Migration } from '../../store/migration.ts'

/**
 * The tables of index.db. All of it is made from the log and may be deleted; no text stands in it. Times are
 * milliseconds since the epoch, `seq` is the entry's position in the log, money is in integer micro-dollars.
 *
 * A row of `request` counts what its children cost too (as `total` does in a profiler), so whoever adds rows up
 * takes those without a parent. What is looked at for many rows at once stands in `request`, what is shown of one
 * in `detail`: a search through a million rows reads a third of the pages. Subjects have no index: there may be as many as
 * requests, every row would touch a page of its own (measured: three quarters of all writing), and they are asked
 * for when somebody is exported or erased.
 */
export const migrations: readonly Migration[] = [
  {
    feature: 'index',
    version: 1,
    sql: `
      CREATE TABLE reached (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        position INTEGER NOT NULL,
        expired INTEGER NOT NULL,
        swept INTEGER NOT NULL
      ) STRICT;
      INSERT INTO reached VALUES (1, 0, -1, -1);

      CREATE TABLE request (
        seq INTEGER PRIMARY KEY,
        done_seq INTEGER,
        at INTEGER NOT NULL,
        id TEXT NOT NULL,
        parent TEXT,
        key TEXT NOT NULL,
        subject TEXT,
        requested TEXT,
        tier_asked TEXT,
        tier TEXT,
        model TEXT,
        engine TEXT,
        replica TEXT,
        mode TEXT,
        off_machine INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        code TEXT,
        turns INTEGER NOT NULL,
        prompt_tokens INTEGER,
        completion_tokens INTEGER,
        cached_tokens INTEGER,
        reasoning_tokens INTEGER,
        cost_micros INTEGER,
        charged_micros INTEGER,
        unknown_micros INTEGER NOT NULL,
        unpriced INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        first_token_ms INTEGER,
        total_ms INTEGER,
        erased INTEGER NOT NULL,
        day TEXT GENERATED ALWAYS AS (date(at / 1000, 'unixepoch')) VIRTUAL
      ) STRICT;
      CREATE INDEX request_id ON request (id);
      CREATE INDEX request_key ON request (key);
      CREATE INDEX request_done ON request (done_seq) WHERE done_seq IS NOT NULL;
      CREATE INDEX request_open ON request (seq) WHERE done_seq IS NULL;
      CREATE INDEX request_parent ON request (parent) WHERE parent IS NOT NULL;

      CREATE TABLE detail (
        seq INTEGER PRIMARY KEY,
        data TEXT NOT NULL,
        prompt TEXT,
        answer TEXT
      ) STRICT;

      CREATE TABLE usage (
        hour INTEGER NOT NULL,
        key TEXT NOT NULL,
        model TEXT NOT NULL,
        tier TEXT NOT NULL,
        requests INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        declined INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        aborted INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        lost INTEGER NOT NULL,
        turns INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL,
        cost_micros INTEGER NOT NULL,
        charged_micros INTEGER NOT NULL,
        unknown_micros INTEGER NOT NULL,
        unknown_turns INTEGER NOT NULL,
        unpriced_turns INTEGER NOT NULL,
        uncounted_turns INTEGER NOT NULL,
        estimated_turns INTEGER NOT NULL,
        PRIMARY KEY (hour, key, model, tier)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE span (
        hour INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE feedback (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        id TEXT NOT NULL,
        request TEXT NOT NULL,
        key TEXT NOT NULL,
        subject TEXT,
        score REAL,
        correction TEXT
      ) STRICT;
      CREATE INDEX feedback_request ON feedback (request);
      CREATE INDEX feedback_subject ON feedback (subject) WHERE subject IS NOT NULL;

      CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        type TEXT NOT NULL,
        data TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    feature: 'index',
    version: 2,
    // What a key may ask for again; seq is the request's. Which of them are too many or too old is seen when one is
    // asked for, so that the table is the same whatever the configuration was.
    sql: `
      CREATE TABLE response (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        previous TEXT
      ) STRICT;
      CREATE INDEX response_key ON response (key, seq, bytes);
    `,
  },
]
