/** Writes `llms.txt`, a list of the pages, and `llms-full.txt`, their text, in the order of the navigation. */
export declare function writeTextsForModels(folder: string): Promise<void>;
/** The text of `llms.txt`: each page with its first sentence. */
export declare function listOfPages(): string;
