/** The root of the repository, with a slash at its end. */
export declare const root: string;
/** Where the repository is read in a browser. */
export declare const repository: string;
/** The path below which the site is served: `SITE_BASE=/spillway/` where a host has several sites. */
export declare const base: string;
