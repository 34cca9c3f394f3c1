package io.github.dl4jtorch.files;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads bytes from front to back; what it cannot read is refused. */
final class ByteReader {

  private final InputFile file;
  private final Bytes bytes;
  private final long start;
  private long at;

  /**
   * Reads from the first byte.
   *
   * @param start where in the file the bytes begin, for messages
   */
  ByteReader(InputFile file, Bytes bytes, long start) {
    this.file = file;
    this.bytes = bytes;
    this.start = start;
  }

  InputFile file() {
    return file;
  }

  /** Where in the file the next byte is. */
  long position() {
    return start + at;
  }

  long remaining() {
    return bytes.size() - at;
  }

  long size() {
    return bytes.size();
  }

  /** Refuses unless so many bytes are there, before anything is made for them. */
  void require(long length) throws TorchFileException {
    if (length < 0 || length > remaining()) {
      throw file.refusal(
          "it ends too early: "
              + length
              + " bytes should follow byte "
              + position()
              + ", and there are "
              + remaining());
    }
  }

  void skip(long length) throws TorchFileException {
    require(length);
    at += length;
  }

  int u8() throws TorchFileException {
    require(1);
    return bytes.get(at++) & 0xFF;
  }

  int u16() throws TorchFileException {
    return u8() | u8() << 8;
  }

  int i32() throws TorchFileException {
    return u16() | u16() << 16;
  }

  long u32() throws TorchFileException {
    return i32() & 0xFFFFFFFFL;
  }

  long i64() throws TorchFileException {
    return u32() | u32() << 32;
  }

  /** The eight bytes of a number, its highest first, as pickles write doubles. */
  long i64BigEndian() throws TorchFileException {
    return Long.reverseBytes(i64());
  }

  byte[] array(int length) throws TorchFileException {
    require(length);
    file.charge(length);
    byte[] array = new byte[length];
    bytes.slice(at, length).get(array);
    at += length;
    return array;
  }

  /** Text in UTF-8. */
  String text(long length) throws TorchFileException {
    require(length);
    if (length > Bytes.PIECE) {
      throw file.refusal("it has a text of " + length + " bytes at byte " + position());
    }
    file.charge(48 + length);
    ByteBuffer encoded = bytes.slice(at, (int) length);
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(encoded).toString();
      at += length;
      return text;
    } catch (CharacterCodingException noText) {
      throw file.refusal("it has no text in UTF-8 at byte " + position(), noText);
    }
  }

  /** Text up to a line feed, which is read too. */
  String line() throws TorchFileException {
    long end = at;
    while (end < bytes.size() && bytes.get(end) != '\n') {
      end++;
    }
    if (end == bytes.size()) {
      throw file.refusal("it ends too early: within the name at byte " + position());
    }
    String line = text(end - at);
    at++;
    return line;
  }
}
