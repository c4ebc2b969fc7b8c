import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Reader, type Response } from 'mmdb-lib';
import { messageOf, SettingsError } from '../shared/errors.ts';
import type { Owner } from '../store/sources/addresses.ts';

/** The network owners in an MMDB file. */
export interface AsnFile {
  /** A hash of the content, which identifies the file. */
  readonly id: string;
  /** The name that the file states, with the day of its build. */
  readonly title: string;
  /** @throws SettingsError when the file turns out to be damaged */
  ownerOf(address: string): Owner;
}

const NUMBERS = ['autonomous_system_number', 'asn', 'as_number'];
const COUNTRIES = ['country_code', 'country', 'registered_country', 'iso_code'];
const NAMES = ['autonomous_system_organization', 'as_name', 'as_organization', 'organization', 'org', 'name'];
/** The fields that contain the owner in files with more than owners. */
const INNER = ['traits', 'as', 'asn', 'network', 'connection'];
/** Longer names are cut. */
const LONGEST = 200;
const LARGEST = 4_294_967_295;

/**
 * Reads an MMDB file of any vendor: MaxMind GeoLite2-ASN and DB-IP write `autonomous_system_number` and
 * `autonomous_system_organization`, IPinfo `asn` ("AS64500") and `name` or `as_name`; others are similar.
 * @throws SettingsError when it cannot be read or is not an MMDB file
 */
export function readAsnFile(file: string): AsnFile {
  const refuse = (why: string, cause?: unknown) =>
    new SettingsError(`asn_file ${path.basename(file)} ${why}: name an MMDB file with ASN data, or remove the setting.`, cause);
  let bytes: Buffer;
  let reader: Reader<Response>;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)})`, error);
  }
  try {
    reader = new Reader<Response>(bytes);
  } catch (error) {
    throw refuse(`is not an MMDB file (${messageOf(error)})`, error);
  }
  const { databaseType, buildEpoch, ipVersion } = reader.metadata;
  return {
    id: createHash('sha256').update(bytes).digest('hex').slice(0, 32),
    title: `${databaseType}, built ${buildEpoch.toISOString().slice(0, 10)}`,
    ownerOf(address) {
      // A tree of IPv4 alone cannot be walked with an IPv6 address.
      if (ipVersion === 4 && address.includes(':')) return NOBODY;
      try {
        return ownerIn(reader.get(address));
      } catch (error) {
        throw refuse(`is damaged (${messageOf(error)})`, error);
      }
    },
  };
}

const NOBODY: Owner = { asn: null, owner: null, country: null };

/**
 * The number and name of a network's owner and its country in a record of an MMDB file, under any vendor's
 * field names.
 */
export function ownerIn(record: unknown): Owner {
  const { asn, owner } = systemIn(record);
  return { asn, owner, country: countryIn(record) };
}

/**
 * The two letters of ISO 3166-1, in capitals: `DE`, or an object with them; null for names of countries and
 * what is none.
 */
function countryIn(record: unknown): string | null {
  if (typeof record === 'string') return /^[a-z]{2}$/i.test(record) ? record.toUpperCase() : null;
  if (typeof record !== 'object' || record === null) return null;
  const fields = record as Record<string, unknown>;
  for (const key of [...COUNTRIES, ...INNER]) {
    const country = countryIn(fields[key]);
    if (country !== null) return country;
  }
  return null;
}

function systemIn(record: unknown): Pick<Owner, 'asn' | 'owner'> {
  if (typeof record !== 'object' || record === null) return NOBODY;
  const fields = record as Record<string, unknown>;
  let asn: number | null = null;
  for (const key of NUMBERS) asn ??= numberOf(fields[key]);
  if (asn === null) {
    for (const key of INNER) {
      const inner = systemIn(fields[key]);
      if (inner.asn !== null) return inner;
    }
    return NOBODY;
  }
  const owner = NAMES.map((key) => fields[key]).find((value) => typeof value === 'string' && value.trim() !== '');
  return { asn, owner: owner === undefined ? null : printable(owner as string) };
}

/** 64500, "64500" or "AS64500". */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^(?:AS)?\d{1,10}$/i.test(value) ? Number(value.replace(/^AS/i, '')) : value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 && number <= LARGEST ? number : null;
}

function printable(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f]+/g, ' ')
    .trim()
    .slice(0, LONGEST);
}

/**
 * The current ASN file: read at the first call, and again after it was replaced.
 * @throws SettingsError as readAsnFile
 */
export function watchedAsnFile(file: string): () => AsnFile {
  let known: { stamp: string; content: AsnFile } | null = null;
  return () => {
    const stat = statSync(file, { throwIfNoEntry: false });
    const stamp = `${stat?.mtimeMs} ${stat?.size} ${stat?.ino}`;
    if (known?.stamp !== stamp) known = { stamp, content: readAsnFile(file) };
    return known.content;
  };
}
