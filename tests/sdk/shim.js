// What the SDK wants of the Web's interfaces, and scripts do not have. It does not use them for DynamoDB.

globalThis.ReadableStream ??= class ReadableStream {};
globalThis.Blob ??= class Blob {
  #bytes;
  constructor(bytes) {
    this.#bytes = bytes;
  }
  async arrayBuffer() {
    return this.#bytes;
  }
};
Response.prototype.blob ??= async function () {
  return new Blob(await this.arrayBuffer());
};
