import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readColumns, shapeOfDatabase, shapeOfModels } from '../../scripts/schema.ts';
import { createDatabase } from '../support/database.ts';

test('prisma/schema.prisma says what the migrations make: every table, column, type and nullability', async () => {
  const database = await createDatabase();
  try {
    const made = shapeOfDatabase(await readColumns(database.ownerUrl));
    expect(Object.keys(made).length).toBeGreaterThan(20);
    expect(shapeOfModels(readFileSync('prisma/schema.prisma', 'utf8'))).toEqual(made);
  } finally {
    await database.drop();
  }
});
