// Finds WizChat API keys in text, without false positives: node wizchat_key.mjs < FILE
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const PATTERN = /(?<![0-9A-Za-z_])wzc_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}(?![0-9A-Za-z])/g;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Returns whether `text`, which PATTERN matches, ends in its own checksum. */
export function isKey(text) {
  let number = crc32(text.slice(0, -6));
  let checksum = "";
  for (let digit = 0; digit < 6; digit++) {
    checksum = DIGITS[number % 62] + checksum;
    number = Math.floor(number / 62);
  }
  return text.slice(-6) === checksum;
}

/** Returns the keys in `text`. */
export function find(text) {
  return (text.match(PATTERN) ?? []).filter(isKey);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const key of find(readFileSync(0, "utf8"))) console.log(key);
}
