// Packs and unpacks the tar images the embedded database starts from.
// Our own: half a page for one fixed use, which every first start stands on; a package would save half of that.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The part of POSIX ustar that PGlite speaks: files and directories, names under 100 bytes (those of a Postgres data
 * directory are far shorter). https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
const BLOCK_BYTES = 512;

/** The files of a directory as one tar, in memory. Files that `leaveOut` names (relative paths) are not in it. */
export function packTar(directory: string, leaveOut: readonly string[] = []): Buffer<ArrayBuffer> {
  const blocks: Buffer[] = [];
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length).replaceAll('\\', '/').replace(/^\/+/, '');
    if (leaveOut.includes(name)) continue;
    const data = entry.isDirectory() ? Buffer.alloc(0) : readFileSync(path);
    blocks.push(header(name, data.length, entry.isDirectory()), data, padding(data.length));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** Writes the files of a tar under a new directory, readable by the owner only. */
export function unpackTar(tar: Uint8Array, directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const bytes = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength);
  for (let at = 0; at + BLOCK_BYTES <= bytes.length && bytes[at] !== 0; ) {
    const name = text(bytes, at, 100).replace(/^\/+/, '');
    const isDirectory = text(bytes, at + 156, 1) === '5';
    const size = isDirectory ? 0 : Number.parseInt(text(bytes, at + 124, 12), 8);
    const path = join(directory, name);
    mkdirSync(isDirectory ? path : dirname(path), { recursive: true, mode: 0o700 });
    at += BLOCK_BYTES;
    if (at + size > bytes.length) throw new Error(`the database image ends inside ${name}`);
    if (!isDirectory) writeFileSync(path, bytes.subarray(at, at + size), { mode: 0o600 });
    at += size + padding(size).length;
  }
}

function text(bytes: Buffer, from: number, length: number): string {
  const field = bytes.toString('latin1', from, from + length);
  const end = field.indexOf('\0');
  return end < 0 ? field : field.slice(0, end);
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

function header(name: string, size: number, isDirectory: boolean): Buffer {
  if (Buffer.byteLength(name) > 99) throw new Error(`${name} is too long a name for a database image`);
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0);
  block.write(isDirectory ? '0000700\0' : '0000600\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  // The checksum is the sum of all bytes, its own field counted as spaces.
  block.write('        ', 148);
  block.write(isDirectory ? '5' : '0', 156);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
