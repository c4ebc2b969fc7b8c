/**
 * What one delivered mail may cost (docs/reading.md, "Limits"). Anybody can mail anything to a rua address,
 * so every dimension in which input can grow has a limit and a code of its own, and reading stops with that
 * code when the limit is exceeded.
 */
export interface Limits {
  /** Bytes of the mail, or of a bare file, as delivered. Code `mail_too_large`. */
  mailBytes: number;
  /**
   * Bytes that all members of all containers in one mail decompress to, together. Code `unpacked_too_large`.
   */
  unpackedBytes: number;
  /**
   * Decompressed size over compressed size, of one stream and of all attachments together. Code
   * `ratio_too_high`.
   */
  ratio: number;
  /**
   * The ratio is checked only above this many decompressed bytes: small, very regular reports compress
   * extremely well.
   */
  ratioFloorBytes: number;
  /**
   * Members of all archives in one mail, directories included; and documents (reports) of one mail. Code
   * `too_many_members`.
   */
  members: number;
  /** Containers inside containers (xml.gz is 1, xml.gz.gz is 2). Code `nested_too_deep`. */
  nesting: number;
  /**
   * Bytes of a container inside a container that must be held whole to be opened (zip or tar inside gzip),
   * and of mails inside one another, together. Code `unpacked_too_large`.
   */
  heldBytes: number;
  /** Records of one report. Code `too_many_records`. */
  records: number;
  /** Messages that one record may count; one that counts more is set aside. Code `record_count_too_large`. */
  recordMessages: number;
  /** Messages that all records of one report may count together. Code `too_many_messages`. */
  messages: number;
  /** Element depth of an XML document, code `xml_too_deep`; and of a JSON document, code `json_too_deep`. */
  elementDepth: number;
  /** Attributes of one element. Code `too_many_attributes`. */
  attributes: number;
  /**
   * Characters of one comment, tag or attribute value in XML. Code `text_too_long`. A longer text, in XML or
   * JSON, is left out and is a problem of that code; the report is read without it.
   */
  textLength: number;
  /**
   * Characters of all texts of one record, or of the metadata, together; sixteen times as many of the
   * metadata of all reports of a mail. Code `record_too_long`.
   */
  recordLength: number;
  /** Entity and character references of one document. Code `too_many_references`. */
  references: number;
  /**
   * Children that one record may repeat, and a broken report its metadata and policy. Code
   * `too_many_children`.
   */
  children: number;
  /** MIME parts of one mail and of the mails inside it. Code `too_many_parts`. */
  mimeParts: number;
  /** Multiparts and forwarded mails inside one another. Code `mime_too_deep`. */
  mimeDepth: number;
  /** Bytes of the header section of a mail or of one part. Code `header_too_long`. */
  headerLength: number;
  /**
   * Records held back until metadata and policy are known, when a report puts them first; their text must
   * also fit `heldBytes`. Code `records_before_policy`.
   */
  heldRecords: number;
  /** Bytes of a JSON document, which is read whole. Code `json_too_large`. */
  jsonBytes: number;
  /**
   * Values of one JSON document: members of objects and arrays. Code `too_many_values`. Its depth is held to
   * `elementDepth`.
   */
  jsonValues: number;
  /** Policies of all TLS reports of one mail. Code `too_many_policies`. */
  tlsPolicies: number;
  /** Failure details of all TLS reports of one mail. Code `too_many_details`. */
  tlsDetails: number;
  /**
   * Bytes of the machine-readable part of a failure report (RFC 5965), or of a notice in prose. Code
   * `feedback_too_long`.
   */
  feedbackLength: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The defaults: several times what the largest legitimate reporters send, and far below what harms a small
 * machine.
 */
export const DEFAULT_LIMITS: Readonly<Limits> = {
  mailBytes: 64 * MIB,
  unpackedBytes: 2048 * MIB,
  ratio: 250,
  ratioFloorBytes: 8 * MIB,
  members: 1_000,
  nesting: 4,
  heldBytes: 64 * MIB,
  records: 5_000_000,
  // All the world's servers accept some 10^11 messages in a day. A record is one address; 10^9 are twelve
  // thousand per second from it.
  recordMessages: 10_000_000_000,
  messages: 100_000_000_000,
  elementDepth: 32,
  attributes: 64,
  textLength: 64 * KIB,
  recordLength: MIB,
  references: 1_000_000,
  children: 1_000,
  mimeParts: 1_000,
  mimeDepth: 16,
  headerLength: 256 * KIB,
  heldRecords: 20_000,
  jsonBytes: 16 * MIB,
  jsonValues: 1_000_000,
  tlsPolicies: 1_000,
  tlsDetails: 100_000,
  feedbackLength: 256 * KIB,
};

/** Characters of text in one batch of records: a batch of a few huge records ends early. */
export const BATCH_LENGTH = 8 * MIB;

/** `<error>` elements of the metadata that are kept. */
export const ERRORS_KEPT = 100;

/** Problems of one code that a report keeps with a sentence each; further ones are only counted. */
export const PROBLEMS_PER_CODE = 20;

/** Characters of a set-aside record, or of a value quoted in a sentence, that are kept. */
export const EXCERPT_LENGTH = 2_000;

/**
 * Input was refused for a reason that a person can act on: `code` is stable, `message` is a sentence. Never a
 * programming error.
 */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** The defaults, overridden by the given limits. */
export function withDefaults(limits: Partial<Limits> | undefined): Limits {
  return { ...DEFAULT_LIMITS, ...limits };
}
