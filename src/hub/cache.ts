// One repository in Hugging Face's cache: blobs under their checksums, snapshots of links to them, refs from branches
// to commits. Shared with huggingface_hub, whose layout this is (huggingface_hub@2.4.0, file_download.py). Knows no
// network.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { copyFile, link, mkdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isCommit, isSafePath, type RepositoryKind } from "./names.js";

/** The folder `models--org--name` or `datasets--org--name`, and what lies where in it. */
export class RepositoryCache {
  readonly folder: string;
  private readonly name: string;

  constructor(
    readonly cacheFolder: string,
    readonly repo: string,
    kind: RepositoryKind = "model",
  ) {
    this.name = [`${kind}s`, ...repo.split("/")].join("--");
    this.folder = join(cacheFolder, this.name);
  }

  /** The folder of all whole and partial files. */
  get blobs(): string {
    return join(this.folder, "blobs");
  }

  /** A whole file, under its checksum. */
  blob(oid: string): string {
    return join(this.blobs, oid);
  }

  /** The part of a file that has come so far. */
  incomplete(oid: string): string {
    return join(this.blobs, `${oid}.incomplete`);
  }

  /** The folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** A file of a commit: a link to its blob. */
  pointer(commit: string, path: string): string {
    return join(this.snapshot(commit), ...path.split("/"));
  }

  /** Makes the folders, and marks the cache for backup programs (bford.info/cachedir). */
  async make(): Promise<void> {
    await mkdir(this.blobs, { recursive: true });
    const tag =
      "Signature: 8a477f597d28d172789f06886806bc55\n# A cache directory: what is in it can be fetched again.\n";
    await writeFile(join(this.cacheFolder, "CACHEDIR.TAG"), tag, { flag: "wx" }).catch(() => {});
  }

  /** Where a lock on this repository lies. */
  get lockFile(): string {
    return join(this.cacheFolder, ".locks", this.name, "luciole.lock");
  }

  private ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }

  /** The commit that a revision stood for when it was last pulled, if it was. */
  commitOf(revision: string): string | null {
    const file = this.ref(revision);
    if (isCommit(revision)) return existsSync(this.snapshot(revision)) ? revision : null;
    const commit = existsSync(file) && statSync(file).isFile() ? readFileSync(file, "utf8").trim() : "";
    return isCommit(commit) ? commit : null;
  }

  /** Remembers what a branch or tag stands for. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || this.commitOf(revision) === commit) return;
    const file = this.ref(revision);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.luciole`, commit);
    await rename(`${file}.luciole`, file);
  }

  /** Names of the whole files in a commit's snapshot, in order; links to nothing are left out. */
  files(commit: string): string[] {
    const folder = this.snapshot(commit);
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
    return names
      .filter((name) => isSafePath(name) && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
      .sort();
  }

  /** Commits of which something is there. */
  commits(): string[] {
    const folder = join(this.folder, "snapshots");
    return existsSync(folder) ? readdirSync(folder).filter(isCommit).sort() : [];
  }

  /**
   * Puts a whole blob into a commit's snapshot: by a link relative to it, or, where the system gives none, as the same
   * file again, or a copy.
   */
  async link(commit: string, path: string, oid: string): Promise<void> {
    const pointer = this.pointer(commit, path);
    await mkdir(dirname(pointer), { recursive: true });
    await rm(pointer, { force: true });
    try {
      await symlink(relative(dirname(pointer), this.blob(oid)), pointer);
    } catch (error) {
      if (!["EPERM", "ENOSYS", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      await link(this.blob(oid), pointer).catch(() => copyFile(this.blob(oid), pointer));
    }
  }
}

/** The size of a file, following links; null where there is none. */
export async function sizeIfThere(path: string): Promise<number | null> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : null;
  } catch {
    return null;
  }
}
