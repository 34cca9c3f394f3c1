package io.github.dl4jtorch.tensorboard;

import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.adapter.watch.TrainingLog;
import io.github.dl4jtorch.adapter.watch.TrainingRow;
import java.awt.image.RenderedImage;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a {@link LearningRateMonitor} notes as an event file for TensorBoard, while the
 * training goes on: rates as {@code lr/<series>}, momenta as {@code momentum/<series>}, columns and
 * scores by their names. Names with a slash are grouped by what is before it.
 *
 * <pre>{@code
 * DataSetLossCalculator loss = new DataSetLossCalculator(validation, true);
 * try (SummaryWriter writer = SummaryWriter.in(new File("runs/onecycle").toPath())) {
 *   net.addListeners(
 *       LearningRateMonitor.everyIteration(net)
 *           .withColumn("loss/train", net::score)
 *           .withScore("score/raw", () -> loss.calculateScore(net))
 *           .withLog(writer));
 *   net.fit(training, 10);
 * }
 * }</pre>
 *
 * <p>A folder is for one training, and its curves go by the network's count of iterations. A
 * training that was restored writes a file of its own into the folder, and TensorBoard drops what
 * earlier files have of the iterations that are made once more; one that begins anew replaces all.
 *
 * <p>Every row is in the file at once, so that a process that is killed leaves it readable. Numbers
 * are floats there, and so have seven digits; the monitor's CSV has them in full. If the file
 * cannot be written, as on a full disk, training stops with an {@link UncheckedIOException}. Safe
 * for use by several threads at a time.
 *
 * <p>PyTorch's class of this name does the same there.
 */
public final class SummaryWriter implements TrainingLog, Closeable {

  // The fields of tensorflow.Summary, of its Value, and of the Image in that.
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;
  private static final int IMAGE = 4;
  private static final int HEIGHT = 1;
  private static final int WIDTH = 2;
  private static final int COLORSPACE = 3;
  private static final int ENCODED_IMAGE = 4;

  private final Path folder;
  private final InstantSource clock;
  private @Nullable EventFile file;
  private boolean isClosed;

  SummaryWriter(Path folder, InstantSource clock) {
    this.folder = folder;
    this.clock = clock;
  }

  /**
   * Makes a writer. Its file is made when there is something to write.
   *
   * @param folder the folder of the training; TensorBoard is given it, or the one it is in, as
   *     {@code --logdir}
   * @return the writer
   */
  public static SummaryWriter in(Path folder) {
    return new SummaryWriter(folder, InstantSource.system());
  }

  /**
   * Makes TensorBoard drop what was written of an iteration and later ones before.
   *
   * @param iteration the network's count of iterations, from 0
   * @throws UncheckedIOException if the file cannot be written
   * @throws IllegalStateException if the writer is closed
   */
  @Override
  public synchronized void begin(int iteration) {
    try {
      file().start(iteration);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  /**
   * Writes what was noted.
   *
   * @param row what was noted
   * @throws UncheckedIOException if the file cannot be written
   * @throws IllegalStateException if the writer is closed
   */
  @Override
  public synchronized void write(TrainingRow row) {
    Message summary = new Message();
    add(summary, "lr/", row.lrs());
    add(summary, "momentum/", row.momenta());
    add(summary, "", row.columns());
    if (summary.bytes().length > 0) {
      write(row.iteration(), summary);
    }
  }

  private static void add(Message summary, String group, Map<String, Double> values) {
    values.forEach(
        (name, value) ->
            summary.add(
                VALUE, new Message().add(TAG, group + name).add(SIMPLE_VALUE, value.floatValue())));
  }

  /**
   * Writes a number.
   *
   * @param tag the name of its curve, like {@code score/average}
   * @param value the number
   * @param step where it is on the curve: the network's count of iterations
   * @throws UncheckedIOException if the file cannot be written
   * @throws IllegalStateException if the writer is closed
   */
  public synchronized void addScalar(String tag, double value, int step) {
    write(new TrainingRow(step, 0, Map.of(), Map.of(), Map.of(tag, value)));
  }

  /**
   * Writes a picture, like that of a schedule's curve.
   *
   * @param tag its name; TensorBoard shows the last pictures of a name, with a slider between them
   * @param image the picture
   * @param step when it was made: the network's count of iterations
   * @throws UncheckedIOException if the file cannot be written
   * @throws IllegalStateException if the writer is closed
   */
  public synchronized void addImage(String tag, RenderedImage image, int step) {
    Message value =
        new Message()
            .add(HEIGHT, image.getHeight())
            .add(WIDTH, image.getWidth())
            .add(COLORSPACE, image.getColorModel().getNumComponents())
            .add(ENCODED_IMAGE, png(image));
    write(step, new Message().add(VALUE, new Message().add(TAG, tag).add(IMAGE, value)));
  }

  private static byte[] png(RenderedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      if (!ImageIO.write(image, "png", bytes)) {
        throw new IllegalArgumentException(
            "image must be one that can be written as PNG but was " + image);
      }
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }

  private void write(int step, Message summary) {
    try {
      file().write(step, summary);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private EventFile file() throws IOException {
    if (isClosed) {
      throw new IllegalStateException("the SummaryWriter of " + folder + " is closed");
    }
    if (file == null) {
      file = EventFile.in(folder, clock);
    }
    return file;
  }

  /**
   * Closes the file. That is not needed for it to be complete.
   *
   * @throws IOException if it cannot be closed
   */
  @Override
  public synchronized void close() throws IOException {
    isClosed = true;
    if (file != null) {
      file.close();
    }
  }
}
