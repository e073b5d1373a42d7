// Writes the records that are to be removed as JSON Lines with a manifest, and reads them back from the disk.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { RemovalExport, WrittenExport } from '../../ports/removal-export.ts';

interface OpenFile {
  handle: FileHandle;
  hash: Hash;
  rows: number;
}

/**
 * One file per table, `<table>.jsonl`, and `manifest.json` with the rows and the SHA-256 of each, in a folder of the closing.
 * What an earlier, broken off export left there is written over. Nothing counts as written before it is on the disk.
 */
export async function writeRemovalExport(folder: string, through: string): Promise<RemovalExport> {
  const directory = join(folder, through);
  await mkdir(directory, { recursive: true });
  const files = new Map<string, OpenFile>();
  const fileOf = async (table: string): Promise<OpenFile> => {
    const known = files.get(table);
    if (known) return known;
    const handle = await open(join(directory, `${table}.jsonl`), 'w', 0o600);
    const file = { handle, hash: createHash('sha256'), rows: 0 };
    files.set(table, file);
    return file;
  };
  return {
    async add(rows) {
      for (const [table, ofTable] of Map.groupBy(rows, (one) => one.table)) {
        const file = await fileOf(table);
        const text = ofTable.map(({ row }) => `${JSON.stringify(row)}\n`).join('');
        await file.handle.appendFile(text);
        file.hash.update(text);
        file.rows += ofTable.length;
      }
    },
    async finish(tables) {
      for (const table of tables) await fileOf(table);
      const listed: Manifest = { through, files: [] };
      for (const [table, { handle, hash, rows }] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
        await handle.sync();
        await handle.close();
        listed.files.push({ table, rows, sha256: hash.digest('hex') });
      }
      const text = `${JSON.stringify(listed, null, 2)}\n`;
      await writeDurably(join(directory, 'manifest.json'), text);
      await syncDirectory(directory);
      return readBack(directory, listed, text);
    },
  };
}

interface Manifest {
  through: string;
  files: { table: string; rows: number; sha256: string }[];
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** So that the names of the files are on the disk, too. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What is on the disk, against what was meant to be: every byte and every line of it. */
async function readBack(directory: string, manifest: Manifest, text: string): Promise<WrittenExport> {
  const wrong: string[] = [];
  for (const { table, rows, sha256 } of manifest.files) {
    const found = await hashOf(join(directory, `${table}.jsonl`));
    if (found.sha256 !== sha256 || found.lines !== rows) wrong.push(table);
  }
  const { sha256 } = await hashOf(join(directory, 'manifest.json'));
  if (sha256 !== createHash('sha256').update(text).digest('hex')) wrong.push('manifest');
  if (wrong.length > 0) return { kind: 'unlike', tables: wrong };
  const counts = Object.fromEntries(manifest.files.map(({ table, rows }) => [table, rows]));
  return { kind: 'written', directory, counts, manifestHash: sha256 };
}

async function hashOf(file: string): Promise<{ sha256: string; lines: number }> {
  const hash = createHash('sha256');
  let lines = 0;
  for await (const chunk of createReadStream(file)) {
    const bytes: Buffer = chunk;
    hash.update(bytes);
    for (const byte of bytes) if (byte === 10) lines += 1;
  }
  return { sha256: hash.digest('hex'), lines };
}
