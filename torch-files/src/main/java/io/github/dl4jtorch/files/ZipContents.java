package io.github.dl4jtorch.files;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Where the entries of a zip file are. java.util.zip does not say, so its directory is read here;
 * every entry is compared with its checksum before anything of it is used.
 */
final class ZipContents {

  private static final int LOCAL = 0x04034b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int END_64 = 0x06064b50;
  private static final int LOCATOR_64 = 0x07064b50;

  private static final int END_SIZE = 22;
  private static final int LOCATOR_SIZE = 20;
  private static final int LONGEST_COMMENT = 0xFFFF;
  private static final int EXTRA_64 = 1;
  private static final long MASK_32 = 0xFFFFFFFFL;
  private static final int ENCRYPTED = 1;

  /** What an entry takes in memory, about. */
  private static final int MEMORY = 160;

  /** The bytes of one are checked and then read while they are in the processor's cache. */
  private static final int BLOCK = 1 << 18;

  /** Where an entry's data is, and where its header begins. */
  private record Entry(long header, long data, long size, long crc) {}

  private final InputFile file;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private ZipContents(InputFile file) {
    this.file = file;
  }

  static ZipContents of(InputFile file) throws TorchFileException {
    ZipContents contents = new ZipContents(file);
    contents.readDirectory();
    contents.requireDisjoint();
    for (Map.Entry<String, Entry> entry : contents.entries.entrySet()) {
      contents.requireUndamaged(entry.getKey(), entry.getValue());
    }
    return contents;
  }

  Iterable<String> names() {
    return entries.keySet();
  }

  /** The bytes of an entry, or null if there is none. */
  @Nullable Bytes bytes(String name) {
    Entry entry = entries.get(name);
    return entry == null ? null : file.bytes().part(entry.data, entry.size);
  }

  /** Reads an entry that is there. */
  ByteReader reader(String name) throws TorchFileException {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw file.refusal("it has no entry " + name);
    }
    return file.reader(entry.data, entry.size);
  }

  private void readDirectory() throws TorchFileException {
    long end = endOfDirectory();
    ByteReader in = file.reader(end, file.size() - end);
    in.skip(4);
    int disk = in.u16();
    in.skip(4);
    long count = in.u16();
    long size = in.u32();
    long start = in.u32();
    if (end >= LOCATOR_SIZE) {
      ByteReader locator = file.reader(end - LOCATOR_SIZE, LOCATOR_SIZE);
      if (locator.i32() == LOCATOR_64) {
        locator.skip(4);
        long at = locator.i64();
        ByteReader end64 = within(at, end - LOCATOR_SIZE - at);
        if (end64.i32() != END_64) {
          throw file.refusal("its zip64 directory is damaged");
        }
        end64.skip(12);
        disk = end64.i32();
        end64.skip(12);
        count = end64.i64();
        size = end64.i64();
        start = end64.i64();
        end = at;
      }
    }
    if (disk != 0) {
      throw file.refusal("it is a part of a zip file in several parts");
    }
    if (size < 0 || start < 0 || start > end || size != end - start) {
      throw file.refusal("its zip directory is not where it should be");
    }
    ByteReader directory = file.reader(start, size);
    while (directory.remaining() > 0) {
      readEntry(directory, start);
    }
    if (entries.size() != count) {
      throw file.refusal("its zip directory has " + entries.size() + " entries, not " + count);
    }
  }

  private ByteReader within(long from, long length) throws TorchFileException {
    if (from < 0 || length < 0 || from > file.size() - length) {
      throw file.refusal("its zip directory points beyond its end");
    }
    return file.reader(from, length);
  }

  /** Finds the record at the very end, before a comment. */
  private long endOfDirectory() throws TorchFileException {
    long last = file.size() - END_SIZE;
    for (long at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
      if (file.bytes().get(at) == 'P') {
        ByteReader in = file.reader(at, END_SIZE);
        if (in.i32() == END) {
          in.skip(16);
          if (in.u16() == last - at) {
            return at;
          }
        }
      }
    }
    throw file.refusal("it is a zip file whose end is missing or damaged");
  }

  private void readEntry(ByteReader in, long directory) throws TorchFileException {
    if (in.i32() != CENTRAL) {
      throw file.refusal("its zip directory is damaged before byte " + in.position());
    }
    in.skip(4);
    int flags = in.u16();
    int method = in.u16();
    in.skip(4);
    long crc = in.u32();
    long packed = in.u32();
    long size = in.u32();
    int nameLength = in.u16();
    int extraLength = in.u16();
    int commentLength = in.u16();
    in.skip(8);
    long header = in.u32();
    String name = in.text(nameLength);
    long extraEnd = in.remaining() - extraLength;
    while (in.remaining() >= extraEnd + 4) {
      int id = in.u16();
      int length = in.u16();
      long after = in.remaining() - length;
      if (id == EXTRA_64) {
        size = size == MASK_32 ? in.i64() : size;
        packed = packed == MASK_32 ? in.i64() : packed;
        header = header == MASK_32 ? in.i64() : header;
      }
      if (after < extraEnd || in.remaining() < after) {
        throw file.refusal("its zip directory is damaged in the entry " + name);
      }
      in.skip(in.remaining() - after);
    }
    in.skip(in.remaining() - extraEnd + commentLength);
    if ((flags & ENCRYPTED) != 0) {
      throw file.refusal("its entry " + name + " is encrypted");
    }
    if (method != 0 || packed != size) {
      throw file.refusal(
          "its entry "
              + name
              + " is compressed, which torch.save does not do: unzip it, and zip"
              + " it without compression");
    }
    file.charge(MEMORY);
    if (entries.put(name, entry(name, header, size, crc, directory)) != null) {
      throw file.refusal("it has two entries " + name);
    }
  }

  /** Finds the data behind the header that an entry has of its own. */
  private Entry entry(String name, long header, long size, long crc, long directory)
      throws TorchFileException {
    if (header < 0 || header > directory) {
      throw file.refusal("its entry " + name + " points beyond its end");
    }
    ByteReader in = file.reader(header, directory - header);
    if (in.i32() != LOCAL) {
      throw file.refusal("its entry " + name + " is not where the directory says");
    }
    in.skip(22);
    int nameLength = in.u16();
    int extraLength = in.u16();
    if (!in.text(nameLength).equals(name)) {
      throw file.refusal("its entry " + name + " has another name in its own header");
    }
    in.skip(extraLength);
    in.require(size);
    return new Entry(header, in.position(), size, crc);
  }

  /** Data that several entries have in common would be checked, and read, as often as they are. */
  private void requireDisjoint() throws TorchFileException {
    List<Entry> inOrder = new ArrayList<>(entries.values());
    inOrder.sort(Comparator.comparingLong(Entry::header));
    long end = 0;
    for (Entry entry : inOrder) {
      if (entry.header < end) {
        throw file.refusal("its entries overlap");
      }
      end = entry.data + entry.size;
    }
  }

  private void requireUndamaged(String name, Entry entry) throws TorchFileException {
    if (entry.crc == 0) {
      return; // PyTorch can be told to leave checksums out; it writes 0 then.
    }
    Bytes bytes = file.bytes().part(entry.data, entry.size);
    CRC32 crc = new CRC32();
    for (long at = 0; at < entry.size; at += BLOCK) {
      crc.update(bytes.slice(at, (int) Math.min(BLOCK, entry.size - at)));
    }
    if (crc.getValue() != entry.crc) {
      throw file.refusal("its entry " + name + " is damaged: the checksum is another");
    }
  }
}
