// Names with slashes in addresses.

/** A path of folders and a name as it stands in a URL: its parts escaped, its slashes kept. */
export const urlPath = (path: string): string => path.split("/").map(encodeURIComponent).join("/");
