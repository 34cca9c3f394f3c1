package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files that were damaged, by accident or on purpose, are refused in words that name the file, or
 * have the right tensors; nothing else is ever thrown, and little memory is taken.
 */
class DamageTest {

  private static final long SEED = 20_261_121;

  /** What reading may take beside twice the file's size; most of it is garbage at once. */
  private static final long ALLOWANCE = 8 << 20;

  private static final int[] LARGE = {-1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 24, 0};

  /** What an opcode may be, for pickles that are more than noise. */
  private static final String OPCODES =
      "\u0080\u0095.(01N\u0088\u0089JKM\u008aGXTU\u008c]ae)t\u0085\u0086\u0087}suqr\u0094hjc"
          + "\u0093QRb\u0081\u0092oi2";

  @TempDir Path folder;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private int refused;
  private int read;

  @Test
  void twoThousandDamages() throws IOException {
    damage(2_000);
  }

  @Test
  @Tag("long")
  void twentyThousandDamages() throws IOException {
    damage(20_000);
  }

  private void damage(int times) throws IOException {
    List<String> names = new ArrayList<>(Golden.READABLE);
    names.addAll(
        List.of(
            "files/whole_module.pt",
            "files/calls_posix.pt",
            "files/kinds.safetensors",
            "cnn_onecycle/final.safetensors"));
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String name : names) {
      files.put(name, Files.readAllBytes(Golden.file(name)));
    }
    for (int i = 0; i < times; i++) {
      Random random = new Random(SEED + i);
      String name = names.get(random.nextInt(names.size()));
      check(name, files.get(name), random, "seed " + (SEED + i) + ", " + name);
    }
    // Both happen, so both are tested.
    assertThat(refused).isGreaterThan(times / 2);
    assertThat(read).isGreaterThan(times / 20);
  }

  private void check(String name, byte[] whole, Random random, String as) throws IOException {
    Path file = folder.resolve("damaged");
    boolean zipped = whole[0] == 'P';
    boolean withinEntries = zipped && random.nextInt(3) == 0;
    Files.write(file, withinEntries ? damagedWithin(name, random) : damaged(whole, random));
    long before = threads.getCurrentThreadAllocatedBytes();
    Object value;
    try {
      value = name.endsWith(".pt") ? TorchFile.readValue(file) : Safetensors.read(file);
    } catch (TorchFileException refusal) {
      value = refusal;
    } catch (Throwable other) {
      throw new AssertionError(as, other);
    }
    long taken = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(taken).as(as).isLessThan(2 * Files.size(file) + ALLOWANCE);
    if (value instanceof TorchFileException refusal) {
      refused++;
      assertThat(refusal.getMessage()).as(as).matches("(?s).*damaged cannot be read: .{10,}");
    } else {
      read++;
      use(value, as);
      // Whatever is outside of the entries has checksums that say what is right.
      if (zipped && !withinEntries) {
        Same.assertSame(value, TorchFile.readValue(Golden.file(name)));
      }
    }
  }

  /** Looks at all that was read. */
  private static void use(Object value, String as) {
    try {
      if (value instanceof Safetensors safetensors) {
        safetensors.tensors().values().forEach(tensor -> use(tensor, as));
      } else if (value instanceof TorchTensor tensor) {
        assertThat(tensor.toDoubleArray().length)
            .isEqualTo(Math.toIntExact(tensor.numel()) * tensor.dtype().components());
        assertThat(tensor.asByteBuffer().remaining())
            .isEqualTo(Math.toIntExact(tensor.numel()) * tensor.dtype().itemSize());
      } else if (value instanceof List<?> list) {
        list.forEach(element -> use(element, as));
      } else if (value instanceof Dict dict) {
        dict.keySet().forEach(element -> use(element, as));
        dict.values().forEach(element -> use(element, as));
        assertThat(dict.equals(dict)).isTrue();
        assertThat(dict.hashCode()).isEqualTo(dict.hashCode());
        assertThat(dict.toString()).isNotEmpty();
        assertThat(new Pickler().pickle(dict)).isNotEmpty();
      }
    } catch (Throwable other) {
      throw new AssertionError(as, other);
    }
  }

  /** Damages a file without looking what is where. */
  private static byte[] damaged(byte[] whole, Random random) {
    byte[] bytes = whole.clone();
    // Headers and directories are near the ends, and are a small part of the whole.
    int near = Math.min(bytes.length, 2_000);
    int at =
        switch (random.nextInt(3)) {
          case 0 -> random.nextInt(near);
          case 1 -> bytes.length - 1 - random.nextInt(near);
          default -> random.nextInt(bytes.length);
        };
    switch (random.nextInt(8)) {
      case 0 -> {
        return Arrays.copyOf(bytes, at);
      }
      case 1 -> {
        return Arrays.copyOfRange(bytes, at, bytes.length);
      }
      case 2 -> {
        int length = random.nextInt(Math.min(64, bytes.length - at) + 1);
        return replaced(bytes, at, length, new byte[0]);
      }
      case 3 -> {
        byte[] more = new byte[random.nextInt(64)];
        random.nextBytes(more);
        return replaced(bytes, at, 0, more);
      }
      case 4 -> {
        int length = Math.min(1 + random.nextInt(8), bytes.length - at);
        for (int i = 0; i < length; i++) {
          bytes[at + i] = (byte) random.nextInt();
        }
      }
      case 5 -> {
        if (at + 4 <= bytes.length) {
          ByteBuffer.wrap(bytes)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt(at, LARGE[random.nextInt(LARGE.length)]);
        }
      }
      case 6 -> renamed(bytes, random);
      default -> {
        for (int i = random.nextInt(4); i >= 0; i--) {
          bytes[i == 0 ? at : random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
      }
    }
    return bytes;
  }

  /** Gives an entry another name, once of the twice that it is there. */
  private static void renamed(byte[] bytes, Random random) {
    byte[] data = "/data".getBytes(StandardCharsets.US_ASCII);
    List<Integer> names = new ArrayList<>();
    for (int at = 0; at + 7 < bytes.length; at++) {
      if (Arrays.equals(bytes, at, at + data.length, data, 0, data.length)) {
        names.add(at + data.length + 1);
      }
    }
    if (!names.isEmpty()) {
      bytes[names.get(random.nextInt(names.size()))] = (byte) ('0' + random.nextInt(10));
    }
  }

  private static byte[] replaced(byte[] bytes, int at, int length, byte[] by) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, at);
    out.writeBytes(by);
    out.write(bytes, at + length, bytes.length - at - length);
    return out.toByteArray();
  }

  /** Damages the pickle, or a storage, within a zip file whose checksums are right. */
  private byte[] damagedWithin(String name, Random random) throws IOException {
    Map<String, byte[]> entries = ZipTest.entries(Golden.file(name));
    List<String> names = new ArrayList<>(entries.keySet());
    String pickle = names.stream().filter(entry -> entry.endsWith(".pkl")).findAny().orElseThrow();
    switch (random.nextInt(12)) {
      case 0 -> entries.put(pickle, bomb(random));
      case 1 -> entries.put(pickle, noise(random));
      case 2 -> entries.remove(names.get(random.nextInt(names.size())));
      case 3 -> {
        String entry = names.get(random.nextInt(names.size()));
        entries.put(entry, Arrays.copyOf(entries.get(entry), random.nextInt(100)));
      }
      case 4 -> {
        String entry = names.get(random.nextInt(names.size()));
        String other = names.get(random.nextInt(names.size()));
        byte[] bytes = entries.get(entry);
        entries.put(entry, entries.get(other));
        entries.put(other, bytes);
      }
      case 5, 6, 7 -> entries.put(pickle, otherOpcodes(entries.get(pickle), random));
      default -> entries.put(pickle, damaged(entries.get(pickle), random));
    }
    Path file = folder.resolve("entries");
    if (random.nextInt(4) == 0) {
      ZipTest.zip64(file, entries);
    } else {
      Pickle.zip(file, entries);
    }
    return Files.readAllBytes(file);
  }

  /** A pickle that is small and would become large. */
  private static byte[] bomb(Random random) {
    Pickle pickle = new Pickle();
    int times = 1 << (4 + random.nextInt(13));
    switch (random.nextInt(6)) {
      case 0 -> repeat(pickle, times, ']');
      case 1 -> repeat(pickle.op(')'), times, 0x85);
      case 2 -> {
        repeat(pickle, times, ']');
        repeat(pickle, times - 1, 'a');
      }
      case 3 -> {
        pickle.op(')', 'q', 0);
        for (int i = 0; i < 255; i++) {
          pickle.op('h', i, 'h', i, 0x86, 'q', i + 1);
        }
      }
      case 4 -> pickle.op(']', 'q', 0, 'h', 0, 'a');
      default -> {
        long size = 1L << random.nextInt(63);
        pickle.tensor(0, new long[] {size, size}, new long[] {0, 0});
      }
    }
    return pickle.op('.').toArray();
  }

  private static void repeat(Pickle pickle, int times, int opcode) {
    for (int i = 0; i < times; i++) {
      pickle.op(opcode);
    }
  }

  private static byte[] noise(Random random) {
    Pickle pickle = new Pickle();
    for (int i = random.nextInt(200); i >= 0; i--) {
      pickle.op(OPCODES.charAt(random.nextInt(OPCODES.length())), random.nextInt(4));
    }
    return pickle.op('.').toArray();
  }

  /** Changes opcodes and the numbers behind them, for others that there are. */
  private static byte[] otherOpcodes(byte[] pickle, Random random) {
    byte[] bytes = pickle.clone();
    for (int i = random.nextInt(3); i >= 0; i--) {
      int at = random.nextInt(bytes.length);
      if (OPCODES.indexOf(bytes[at] & 0xFF) >= 0) {
        bytes[at] = (byte) OPCODES.charAt(random.nextInt(OPCODES.length()));
      } else {
        bytes[at] = (byte) random.nextInt(20);
      }
    }
    return bytes;
  }
}
