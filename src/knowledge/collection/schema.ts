import type { Migration } from '../../store/migration.ts'

/**
 * Offsets are UTF-16 units of the document's text, `end` excluded; a chunk is a slice of it and is stored by its
 * offsets alone. `place` is the chunk's number within its segment. `generation` counts a collection's changes, so
 * that who holds its index in memory knows when to read it again; numbers of documents and chunks are never given
 * twice, so that it never shows another's text. An origin is a source by a number, which stays while the source's
 * versions change: citations name it, so that no record holds the name of a document. Labels are one text (labels.ts):
 * a segment holds documents of one set of labels alone, which is that of their sources.
 */
export const migrations: readonly Migration[] = [
  {
    feature: 'collections',
    version: 1,
    sql: `
      CREATE TABLE collection (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        generation INTEGER NOT NULL DEFAULT 0,
        tuning TEXT,
        semantics BLOB
      ) STRICT;
      CREATE TABLE document (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        collection INTEGER NOT NULL REFERENCES collection (id),
        source TEXT NOT NULL,
        version TEXT NOT NULL,
        media_type TEXT NOT NULL,
        title TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        added INTEGER NOT NULL,
        text TEXT NOT NULL,
        UNIQUE (collection, source)
      ) STRICT;
      CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        collection INTEGER NOT NULL REFERENCES collection (id),
        size INTEGER NOT NULL,
        postings BLOB NOT NULL
      ) STRICT;
      CREATE INDEX segment_collection ON segment (collection);
      CREATE TABLE chunk (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document INTEGER NOT NULL REFERENCES document (id),
        segment INTEGER NOT NULL REFERENCES segment (id),
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        headings TEXT NOT NULL,
        page INTEGER,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX chunk_document ON chunk (document);
      CREATE INDEX chunk_segment ON chunk (segment, place);
    `,
  },
  {
    feature: 'collections',
    version: 2,
    sql: `
      CREATE TABLE origin (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        collection INTEGER NOT NULL REFERENCES collection (id),
        source TEXT NOT NULL,
        trust TEXT NOT NULL DEFAULT 'ordinary' CHECK (trust IN ('low', 'ordinary', 'high')),
        UNIQUE (collection, source)
      ) STRICT;
      INSERT INTO origin (collection, source) SELECT collection, source FROM document ORDER BY id;
    `,
  },
  {
    feature: 'collections',
    version: 3,
    sql: `
      ALTER TABLE origin ADD COLUMN labels TEXT NOT NULL DEFAULT '';
      ALTER TABLE segment ADD COLUMN labels TEXT NOT NULL DEFAULT '';
    `,
  },
]
