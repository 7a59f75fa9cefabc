// What a repository holds at a revision, asked through @huggingface/hub, and checked before anything is made of it.
// The library knows the hub's API; requests go through our own fetch, since its own neither tries again, nor waits when
// asked to, nor takes a mirror's tokens (it wants them to begin with hf_). Its downloads are not used: they begin anew
// after every interruption, compare no checksum, and take whatever a server answers to a later part of a file for that
// part.
import { datasetInfo, HubApiError, listFiles, modelInfo } from "@huggingface/hub";
import { HubError } from "../errors.js";
import { isCommit, isSha256, quoted } from "./names.js";
import type { Asked } from "./refusals.js";
import type { HubRequests } from "./requests.js";

/** A file of a repository, known by its checksum: SHA-256 of what is kept in LFS, else Git's own SHA-1 of a blob. */
export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly oid: string;
}

/** All files of one commit. */
export interface Listing {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const MOST_FILES = 100_000;

/** Asks which commit the revision is and which files it has. Throws HubError. */
export async function readListing({ settings, kind, repo, revision }: Asked, requests: HubRequests): Promise<Listing> {
  const place = { hubUrl: settings.endpoint, fetch: requests.fetch };
  try {
    const request = { ...place, name: repo, revision };
    const { sha } =
      kind === "dataset"
        ? await datasetInfo({ ...request, additionalFields: ["sha"] })
        : await modelInfo({ ...request, additionalFields: ["sha"] });
    if (!isCommit(sha)) throw strange(settings.endpoint, `expected a commit of ${repo}, got ${quoted(sha)}`);
    const files: HubFile[] = [];
    for await (const entry of listFiles({
      ...place,
      repo: { type: kind, name: repo },
      revision: sha,
      recursive: true,
    })) {
      if (entry.type === "file") files.push(checked(entry, settings.endpoint));
      if (files.length > MOST_FILES) throw strange(settings.endpoint, `its list of files never ends`);
    }
    return { commit: sha, files };
  } catch (error) {
    // What is no JSON, or JSON of another shape.
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof HubApiError)
      throw strange(settings.endpoint, error.message, error);
    throw error;
  }
}

function checked(
  { path, size, oid, lfs }: { path: string; size: number; oid?: string; lfs?: { oid: string; size: number } },
  endpoint: string,
): HubFile {
  const file = { path, sizeBytes: lfs?.size ?? size, oid: lfs?.oid ?? oid ?? "" };
  const isSound =
    typeof path === "string" &&
    Number.isSafeInteger(file.sizeBytes) &&
    file.sizeBytes >= 0 &&
    (lfs ? isSha256(file.oid) : isCommit(file.oid));
  if (isSound) return file;
  throw strange(endpoint, `expected path, size and checksum of a file, got ${quoted(JSON.stringify(file))}`);
}

const strange = (endpoint: string, what: string, cause?: unknown): HubError =>
  new HubError(
    `${endpoint} does not answer like Hugging Face: ${what}; check HF_ENDPOINT, or whether this network ` +
      "requires a sign-in",
    { cause },
  );
