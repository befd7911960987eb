// The secrets that verify: those in a file, one a line, and for a while those that were in it. So a
// secret is replaced without a restart, whether Doorward learns of the new one before us or after.

import { readFileSync } from "node:fs";

// As long as Doorward may sign with the old one (15 min), as its tokens live (15 min), and more.
const KEEP_SECONDS = Number(process.env.PREVIOUS_SECRET_SECONDS ?? 3600);

export function secretsIn(file) {
  const lastSeen = new Map(); // The secret, and when it last stood in the file.
  function read() {
    const now = Date.now();
    const lines = readFileSync(file, "utf8").split(/\r?\n/);
    // Half a secret, of a file that is just being written, is none. HS256 wants 32 bytes.
    for (const line of lines) if (Buffer.byteLength(line) >= 32) lastSeen.set(line, now);
    for (const [secret, seen] of lastSeen) {
      if (now - seen > KEEP_SECONDS * 1000) lastSeen.delete(secret);
    }
  }
  read();
  if (lastSeen.size === 0) throw new Error(`${file} holds no secret of at least 32 bytes`);
  const readAgain = () => {
    try {
      read();
    } catch (error) {
      console.error("the secret stays as it was:", error.message);
    }
  };
  setInterval(readAgain, 1_000).unref();
  return () => [...lastSeen.keys()];
}
