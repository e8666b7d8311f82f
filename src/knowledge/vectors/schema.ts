import type { Migration } from '../../store/migration.ts'

/**
 * DESIGN. Which model makes a collection's vectors, and the vectors, a row for each chunk: a chunk's text never changes
 * under its number, so that a vector is right for as long as the chunk is there, and goes with it in the very statement
 * that takes the chunk out. `wanted` is the model as it was named, `model` the exact one that has made what is here:
 * all vectors of a collection are of that model and of these dimensions.
 */
export const vectorMigrations: readonly Migration[] = [
  {
    feature: 'vectors',
    version: 1,
    sql: `
      CREATE TABLE embedding (
        collection INTEGER PRIMARY KEY REFERENCES collection (id),
        wanted TEXT NOT NULL,
        model TEXT,
        dimensions INTEGER,
        tuning TEXT
      ) STRICT;
      CREATE TABLE vector (
        chunk INTEGER PRIMARY KEY REFERENCES chunk (id) ON DELETE CASCADE,
        "values" BLOB NOT NULL
      ) STRICT;
    `,
  },
]
