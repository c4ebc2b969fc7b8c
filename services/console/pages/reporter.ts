import { commonName, knownKeys } from '../../report/reporters/reporters.ts';

/** What people call a reporter, as findings do. Files have its key. */
export const reporterLabel = (key: string): string => commonName(key) ?? key;

/** The keys of known reporters whose names have a text in them. @param text in lower case */
export const reportersNamed = (text: string): string[] =>
  text === '' ? [] : knownKeys().filter((key) => reporterLabel(key).toLowerCase().includes(text));
