package io.github.dl4jtorch.tensorboard;

import java.io.Closeable;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A file of events in TensorFlow's record format: length, its checksum, an event, its checksum.
 * Each is given to the operating system at once, so the file of a process that was killed has all
 * events so far.
 */
final class EventFile implements Closeable {

  private static final String VERSION = "brain.Event:2";
  private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.(\\d{1,18})\\..*");

  // The fields of tensorflow.Event.
  private static final int WALL_TIME = 1;
  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int SESSION_LOG = 7;

  // Of tensorflow.SessionLog.
  private static final int STATUS = 1;
  private static final int START = 1;

  // Not buffered; nor a channel, which an interrupt of the training thread would close.
  private final FileOutputStream out;
  private final InstantSource clock;

  private EventFile(FileOutputStream out, InstantSource clock) {
    this.out = out;
    this.clock = clock;
  }

  /** Makes a new file in a folder, which is made if need be. */
  static EventFile in(Path folder, InstantSource clock) throws IOException {
    Files.createDirectories(folder);
    String name =
        String.format(
            Locale.ROOT,
            "events.out.tfevents.%010d.%s.%d",
            Math.max(clock.instant().getEpochSecond(), newest(folder) + 1),
            host(),
            ProcessHandle.current().pid());
    Path path = Files.createFile(folder.resolve(name)); // Fails if there is one.
    EventFile file = new EventFile(new FileOutputStream(path.toFile()), clock);
    file.write(file.event().add(FILE_VERSION, VERSION));
    return file;
  }

  /** TensorBoard reads the files by their names, and what is purged must come before. */
  private static long newest(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> NAME.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .mapToLong(name -> Long.parseLong(name.group(1)))
          .max()
          .orElse(0);
    }
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException nameless) {
      return "localhost";
    }
  }

  /** Makes TensorBoard drop what was written of this step and later ones before. */
  void start(long step) throws IOException {
    write(event().add(STEP, step).add(SESSION_LOG, new Message().add(STATUS, START)));
  }

  /** Writes a summary. */
  void write(long step, Message summary) throws IOException {
    write(event().add(STEP, step).add(SUMMARY, summary));
  }

  private Message event() {
    return new Message().add(WALL_TIME, clock.millis() / 1000.0);
  }

  private void write(Message event) throws IOException {
    byte[] data = event.bytes();
    ByteBuffer bytes =
        ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(data.length);
    bytes.putInt(checksum(bytes.array(), Long.BYTES));
    bytes.put(data).putInt(checksum(data, data.length));
    out.write(bytes.array());
  }

  /** Masked, as the format has it for checksums of what may contain checksums. */
  private static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
