package io.github.dl4jtorch.adapter.checkpoint;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.PacedListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Saves a training into a folder while it is going on, and keeps the last few checkpoints. A
 * process that is killed at any moment leaves only whole ones, from which {@link
 * TrainingCheckpoint#latest(Path, Class...)} takes the newest.
 *
 * <pre>{@code
 * LRScheduler run = new StepLR(30, 0.1).attach(NetworkParamGroups.of(net));
 * CheckpointWriter writer = CheckpointWriter.of(net).with("steps", run);
 * net.addListeners(
 *     SchedulerListener.everyEpoch(run),
 *     TrainingCheckpointListener.everyIteration(writer, Path.of("checkpoints"))
 *         .withInterval(500)
 *         .keepLast(2));
 * net.fit(training, 90);
 * }</pre>
 *
 * <p>It must be added after every {@link SchedulerListener} of the network, and every other
 * listener that is a {@link CheckpointPart}, so that a checkpoint has them as they are after the
 * iteration; and the writer must have them all. Otherwise training stops with an exception that
 * says so. The counts in a checkpoint are those of the network right after the event, although DL4J
 * moves them on only after its listeners.
 *
 * <p>A folder belongs to one training under each {@linkplain #named name}. When it begins, the
 * listener locks a file {@code checkpoint.lock} there and refuses a folder in which another process
 * or another thread of this one saves; so it does when another network takes the folder over later.
 * The lock ends with the process, however that ends, or with {@link #close()}.
 *
 * <p>An iteration out of which an exception came, from a listener for example, may have been done,
 * but DL4J does not count it, and the counts in a checkpoint would not be those of its runs. So the
 * next {@code fit} of that network is refused: go on from the last checkpoint.
 *
 * <p>If a checkpoint cannot be written, as on a full disk, or could not be loaded again, training
 * stops with an {@link UncheckedIOException}; the checkpoints written before stay.
 */
public final class TrainingCheckpointListener extends BaseTrainingListener
    implements PacedListener {

  private static final Logger LOG = LoggerFactory.getLogger(TrainingCheckpointListener.class);
  private static final int KEPT = 3;

  private enum Unit {
    ITERATION,
    EPOCH,
    MINUTE
  }

  private final Unit unit;
  private final int interval;
  private final CheckpointWriter writer;
  private final CheckpointFolder folder;
  private final int kept;
  private final @Nullable ToDoubleFunction<? super Model> loss;
  private final LongSupplier nanoTime;
  private final @Nullable Executor executor;
  private final @Nullable BackgroundSaves background;
  private boolean hasStarted;
  private boolean isInEpoch;
  private boolean isInIteration;
  private int lastDone = -1;
  private long lastSaved;

  private TrainingCheckpointListener(
      Unit unit,
      int interval,
      CheckpointWriter writer,
      CheckpointFolder folder,
      int kept,
      @Nullable ToDoubleFunction<? super Model> loss,
      LongSupplier nanoTime,
      @Nullable Executor executor) {
    this.unit = unit;
    this.interval = interval;
    this.writer = writer;
    this.folder = folder;
    this.kept = kept;
    this.loss = loss;
    this.nanoTime = nanoTime;
    this.executor = executor;
    this.background = executor == null ? null : new BackgroundSaves(executor);
  }

  private static TrainingCheckpointListener of(
      Unit unit, int interval, CheckpointWriter writer, Path folder) {
    if (unit != Unit.EPOCH) {
      writer.requireWholeIterations();
    }
    return new TrainingCheckpointListener(
        unit,
        interval,
        writer,
        new CheckpointFolder(folder, CheckpointFolder.NAME),
        KEPT,
        null,
        System::nanoTime,
        null);
  }

  /**
   * Saves after each iteration of the network, or with {@link #withInterval} after each so many.
   *
   * @param writer what is to be saved
   * @param folder where to; made if it does not exist
   * @return the listener, to be added to the network after all others
   * @throws IllegalStateException if the network is trained by truncated backpropagation through
   *     time, since a segment leaves a state that is not saved
   */
  public static TrainingCheckpointListener everyIteration(CheckpointWriter writer, Path folder) {
    return of(Unit.ITERATION, 1, writer, folder);
  }

  /**
   * Saves after each epoch of the network, or with {@link #withInterval} after each so many.
   *
   * @param writer what is to be saved
   * @param folder where to; made if it does not exist
   * @return the listener, to be added to the network after all others
   */
  public static TrainingCheckpointListener everyEpoch(CheckpointWriter writer, Path folder) {
    return of(Unit.EPOCH, 1, writer, folder);
  }

  /**
   * Saves after the first iteration that ends so many minutes after the last save or after the
   * start.
   *
   * @param minutes how many, {@code >= 1}
   * @param writer what is to be saved
   * @param folder where to; made if it does not exist
   * @return the listener, to be added to the network after all others
   * @throws IllegalArgumentException if the number is out of its range
   * @throws IllegalStateException if the network is trained by truncated backpropagation through
   *     time, since a segment leaves a state that is not saved
   */
  public static TrainingCheckpointListener everyMinutes(
      int minutes, CheckpointWriter writer, Path folder) {
    requirePositive("minutes", minutes);
    return of(Unit.MINUTE, minutes, writer, folder);
  }

  /**
   * Returns a listener that saves after every so many iterations, epochs or minutes, whichever this
   * one goes by. Iterations and epochs are counted from the network's first.
   *
   * @param interval how many, {@code >= 1}; default 1
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the interval is out of its range
   */
  @CheckReturnValue
  public TrainingCheckpointListener withInterval(int interval) {
    requirePositive("interval", interval);
    return new TrainingCheckpointListener(
        unit, interval, writer, folder, kept, loss, nanoTime, executor);
  }

  /**
   * Returns a listener that keeps another number of checkpoints. Older ones are deleted when a new
   * one is in place: those of its name alone, of former processes too.
   *
   * @param checkpoints how many, {@code >= 1}; default 3
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the number is out of its range
   */
  @CheckReturnValue
  public TrainingCheckpointListener keepLast(int checkpoints) {
    requirePositive("checkpoints", checkpoints);
    return new TrainingCheckpointListener(
        unit, interval, writer, folder, checkpoints, loss, nanoTime, executor);
  }

  /**
   * Returns a listener that keeps, besides the last few, the best checkpoint so far, which {@link
   * TrainingCheckpoint#best(Path, Class...)} loads. It computes the loss whenever it saves, and
   * writes it into the name of the file, {@code checkpoint-0000001000-000010-0.25.zip}, so that a
   * training which was stopped goes on with the best of before.
   *
   * <pre>{@code
   * net.addListeners(
   *     TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(net), Path.of("checkpoints"))
   *         .keepBest(new DataSetLossCalculator(validation, true)::calculateScore));
   * }</pre>
   *
   * @param loss from the network to the number that is less the better it is, like a loss on
   *     validation data; of an accuracy give the negative. Of equals the oldest is kept, and NaN is
   *     never the best. It must not use the iterator that the network is trained with
   * @return the listener, to be added in place of this one
   */
  @CheckReturnValue
  public TrainingCheckpointListener keepBest(ToDoubleFunction<? super Model> loss) {
    return new TrainingCheckpointListener(
        unit, interval, writer, folder, kept, loss, nanoTime, executor);
  }

  /**
   * Returns a listener that lets training go on while a checkpoint is written. Training waits for a
   * copy of the arrays only, which takes as much memory as they do and is kept for the next time;
   * and for the checkpoint before, if that is not in place yet. Whatever ends the process leaves
   * the former checkpoint or the new one, as without this, and a process that ends by itself writes
   * the last one to its end. If it cannot be written, training stops with the exception at the end
   * of the next iteration or epoch, {@link #close()} throws it, and the log has it at once. {@link
   * TrainingCheckpoint#latest(Path, Class...)} and {@code best} wait for what is being written in
   * this process.
   *
   * <pre>{@code
   * net.addListeners(
   *     TrainingCheckpointListener.everyMinutes(
   *             10, CheckpointWriter.of(net), Path.of("checkpoints"))
   *         .inBackground());
   * }</pre>
   *
   * @return the listener, to be added in place of this one
   */
  @CheckReturnValue
  public TrainingCheckpointListener inBackground() {
    return inBackground(BackgroundSaves::inThread);
  }

  /** Returns a listener whose checkpoints are written by this executor. */
  TrainingCheckpointListener inBackground(Executor executor) {
    return new TrainingCheckpointListener(
        unit, interval, writer, folder, kept, loss, nanoTime, executor);
  }

  /**
   * Returns a listener whose files begin with another name, so that several networks can be saved
   * in one folder. The files are called {@code name-iterations-epochs.zip}, with ten and six
   * digits, as in {@code checkpoint-0000000100-000002.zip}.
   *
   * @param name the name, of letters, digits, {@code -}, {@code _} and {@code .}; default {@code
   *     checkpoint}
   * @return the listener, to be added in place of this one
   * @throws IllegalArgumentException if the name has other characters or none
   */
  @CheckReturnValue
  public TrainingCheckpointListener named(String name) {
    if (!name.matches("[\\w.-]+")) {
      throw new IllegalArgumentException(
          "name must be of letters, digits, -, _ and . but was \"" + name + "\"");
    }
    return new TrainingCheckpointListener(
        unit,
        interval,
        writer,
        new CheckpointFolder(folder.folder(), name),
        kept,
        loss,
        nanoTime,
        executor);
  }

  /**
   * Tells whether this listener must hear of iterations, so that it is idle where there are only
   * epochs, as on the driver of a training on Spark.
   *
   * @return true if it saves after iterations or minutes, false if after epochs
   */
  @Override
  public boolean needsIterations() {
    return unit != Unit.EPOCH;
  }

  /**
   * Tells that this listener comes after those that it saves.
   *
   * @return true
   */
  @Override
  public boolean savesOthers() {
    return true;
  }

  CheckpointWriter writer() {
    return writer;
  }

  /** Returns a listener that goes by another clock. */
  TrainingCheckpointListener withClock(LongSupplier nanoTime) {
    return new TrainingCheckpointListener(
        unit, interval, writer, folder, kept, loss, nanoTime, executor);
  }

  private static void requirePositive(String name, int number) {
    if (number < 1) {
      throw new IllegalArgumentException(name + " must be >= 1 but was " + number);
    }
  }

  @Override
  public void onEpochStart(Model model) {
    if (isOwn(model)) {
      requireCounted();
      requireNoFailure();
      isInEpoch = true;
      start();
      writer.epochStart().begin();
    }
  }

  @Override
  public void onGradientCalculation(Model model) {
    if (isOwn(model)) {
      isInIteration = isInEpoch;
    }
  }

  @Override
  public void iterationDone(Model model, int iteration, int epoch) {
    if (isOwn(model)) {
      start();
      requireNoFailure();
      if (isDue(iteration + 1)) {
        save(iteration + 1, epoch, writer::inIterationDone);
      }
      isInIteration = false;
      lastDone = iteration;
    }
  }

  private boolean isDue(int iterations) {
    return switch (unit) {
      case ITERATION -> iterations % interval == 0;
      case MINUTE -> nanoTime.getAsLong() - lastSaved >= TimeUnit.MINUTES.toNanos(interval);
      case EPOCH -> false;
    };
  }

  @Override
  public void onEpochEnd(Model model) {
    if (isOwn(model)) {
      isInEpoch = false;
      start();
      requireNoFailure();
      writer.epochStart().end();
      int epochs = writer.net().epochCount() + 1;
      if (unit == Unit.EPOCH && epochs % interval == 0) {
        save(writer.net().iterationCount(), epochs, writer::inOnEpochEnd);
      }
    }
  }

  private boolean isOwn(Model model) {
    Model own = writer.net().model();
    if (model != own && LiveNetwork.isKindOf(model)) {
      throw new IllegalStateException(
          "this listener must be added only to the network that it saves, but was called for a"
              + " copy or another network");
    }
    return model == own;
  }

  private void start() {
    if (hasStarted) {
      return;
    }
    requireLast();
    requireAll();
    BackgroundSaves.await(folder);
    try {
      Files.createDirectories(folder.folder());
      boolean isNew = FolderOwner.begin(folder, writer.net().model());
      try {
        refuseNewer();
        folder.deleteTemporary();
      } catch (IOException | RuntimeException refused) {
        if (isNew) {
          close();
        }
        throw refused;
      }
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
    lastSaved = nanoTime.getAsLong();
    hasStarted = true;
  }

  /**
   * Lets the folder go, so that another training may save there, once what is {@linkplain
   * #inBackground() being written} is in place. That is not needed where the process ends, or where
   * the same thread trains on with another listener.
   *
   * @throws UncheckedIOException if the folder's lock cannot be closed, or the last checkpoint
   *     could not be written
   */
  public void close() {
    try {
      try {
        if (background != null) {
          background.end();
        }
      } finally {
        if (Files.isDirectory(folder.folder())) {
          FolderOwner.end(folder, writer.net().model());
        }
        hasStarted = false;
      }
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  /** What is moved on after the save would be saved one step behind. */
  private void requireLast() {
    boolean isBefore = false;
    for (TrainingListener listener : writer.net().listeners()) {
      if (listener == this) {
        isBefore = true;
      } else if (isBefore
          && (listener instanceof SchedulerListener || listener instanceof CheckpointPart)) {
        throw new IllegalStateException(
            "the TrainingCheckpointListener must be added after every "
                + listener.getClass().getSimpleName()
                + ", which would be saved a step behind its network: add it last");
      }
    }
  }

  /** DL4J does not count an iteration out of which an exception came, even if all of it is done. */
  private void requireCounted() {
    if (isInEpoch && (isInIteration || lastDone == writer.net().iterationCount())) {
      throw new IllegalStateException(
          "every iteration of the network must be counted, but out of one came an exception, so that"
              + " it is not although it may have been done: go on from"
              + " TrainingCheckpoint.latest(folder)");
    }
  }

  /** What is left out would start afresh when the rest goes on. */
  private void requireAll() {
    for (TrainingListener listener : writer.net().listeners()) {
      if (listener instanceof SchedulerListener scheduler && !writer.has(scheduler.run())) {
        throw new IllegalStateException(
            "the run of every SchedulerListener of the network must be saved, but that of "
                + scheduler.run().schedule()
                + " is not: add it to the writer with(name, run)");
      }
      if (listener instanceof CheckpointPart part && !writer.has(part)) {
        throw new IllegalStateException(
            "every "
                + listener.getClass().getSimpleName()
                + " of the network must be saved, but one is not: add it to the writer with(name,"
                + " part)");
      }
    }
  }

  /** Checkpoints of another training, further on than this one, would be taken for its newest. */
  private void refuseNewer() throws IOException {
    CheckpointFolder.Entry present =
        folder.entry(writer.net().iterationCount(), writer.net().epochCount());
    for (CheckpointFolder.Entry entry : folder.entries()) {
      if (entry.compareTo(present) > 0 && CheckpointFile.isUndamaged(entry.file())) {
        throw new IllegalStateException(
            entry.file()
                + " is of a training that is further than this network, which has "
                + writer.net().iterationCount()
                + " iterations: go on from it with TrainingCheckpoint.latest(folder), or choose"
                + " another folder or name");
      }
    }
  }

  private interface Save {
    void to(CheckpointWriter.Taker taker) throws IOException;
  }

  private void save(int iterations, int epochs, Save save) {
    requireLast();
    CheckpointFolder.Entry entry =
        loss == null
            ? folder.entry(iterations, epochs)
            : folder.entry(iterations, epochs, loss.applyAsDouble(writer.net().model()));
    try {
      FolderOwner.require(folder, writer.net().model());
      BackgroundSaves.Save writing =
          contents -> {
            contents.write(entry.file());
            deleteOld(entry);
          };
      save.to(
          training -> {
            if (background == null) {
              writing.write(SavedTraining.contents(training, training.arrays()));
            } else {
              background.begin(training, folder, writing);
            }
          });
    } catch (IOException failed) {
      throw notWritten(failed);
    }
    lastSaved = nanoTime.getAsLong();
  }

  private static UncheckedIOException notWritten(IOException failed) {
    return new UncheckedIOException("no checkpoint could be written", failed);
  }

  /** Stops training where a checkpoint could not be written meanwhile. */
  private void requireNoFailure() {
    if (background != null) {
      try {
        background.requireNoFailure();
      } catch (IOException failed) {
        throw notWritten(failed);
      }
    }
  }

  /**
   * Deletes what is too old, save for the best if that is to be kept, and nothing that is ahead,
   * which can only be a damaged file.
   */
  private void deleteOld(CheckpointFolder.Entry newest) throws IOException {
    List<CheckpointFolder.Entry> present =
        folder.entries().stream().filter(entry -> entry.compareTo(newest) <= 0).toList();
    Set<CheckpointFolder.Entry> old = new LinkedHashSet<>(present.stream().skip(kept).toList());
    if (loss != null) {
      CheckpointFolder.byLoss(present).stream().findFirst().ifPresent(old::remove);
    }
    for (CheckpointFolder.Entry entry : old) {
      try {
        Files.deleteIfExists(entry.file());
      } catch (IOException failed) {
        LOG.warn("{} is not needed any more but cannot be deleted", entry.file(), failed);
      }
    }
  }
}
