package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes checkpoints in a thread of its own while the training goes on, from copies of the arrays.
 * The copies are kept, so that only the first save allocates them; there is never more than one
 * save under way, and the next waits for it.
 */
final class BackgroundSaves {

  private static final Logger LOG = LoggerFactory.getLogger(BackgroundSaves.class);

  /** What is being written where, so that whoever looks into a folder can wait for it. */
  private static final Map<Path, FutureTask<@Nullable Throwable>> UNDER_WAY =
      new ConcurrentHashMap<>();

  private final Executor executor;
  private final Map<String, INDArray> copies = new HashMap<>();
  private @Nullable FutureTask<@Nullable Throwable> last;

  BackgroundSaves(Executor executor) {
    this.executor = executor;
  }

  /** Runs what it is given in a new thread, which a process that ends waits for. */
  static void inThread(Runnable save) {
    new Thread(save, "checkpoint").start();
  }

  /** What is done with a training whose arrays stay as they are. */
  interface Save {
    void write(SavedTraining.Contents contents) throws IOException;
  }

  /**
   * Takes a copy of a training and begins to save it, once the save before has ended.
   *
   * @throws IOException if the save before has failed
   */
  void begin(SavedTraining<INDArray> training, CheckpointFolder folder, Save save)
      throws IOException {
    end();
    await(folder); // Another listener may save there as well.
    SavedTraining.Contents contents = SavedTraining.contents(training, copies(training.arrays()));
    Path key = key(folder);
    FutureTask<@Nullable Throwable> task =
        new FutureTask<>(
            () -> {
              try {
                save.write(contents);
                return null;
              } catch (IOException | RuntimeException | Error failed) {
                LOG.error("no checkpoint could be written", failed);
                return failed;
              }
            });
    last = task;
    UNDER_WAY.put(key, task);
    executor.execute(
        () -> {
          task.run();
          UNDER_WAY.remove(key, task);
        });
  }

  /** Returns copies of arrays, in the memory of those of the last save where they fit. */
  Map<String, INDArray> copies(Map<String, INDArray> arrays) {
    copies.keySet().retainAll(arrays.keySet());
    Map<String, INDArray> taken = new LinkedHashMap<>();
    // What a workspace gives would be overwritten while it is still being written.
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      arrays.forEach(
          (name, array) -> {
            INDArray copy = copies.get(name);
            if (copy != null
                && copy.dataType() == array.dataType()
                && copy.equalShapes(array)
                && copy.ordering() == CheckpointArrays.order(array)) {
              copy.assign(array);
            } else {
              copy = array.dup(CheckpointArrays.order(array));
              copies.put(name, copy);
            }
            taken.put(name, copy);
          });
    } finally {
      outside.close();
    }
    Nd4j.getExecutioner().commit();
    return taken;
  }

  /**
   * Throws what the last save has failed by, if it has ended so and nobody was told.
   *
   * @throws IOException as the save threw it
   */
  void requireNoFailure() throws IOException {
    FutureTask<@Nullable Throwable> task = last;
    if (task != null && task.isDone()) {
      end();
    }
  }

  /**
   * Waits for the last save.
   *
   * @throws IOException as the save threw it, if nobody was told
   */
  void end() throws IOException {
    FutureTask<@Nullable Throwable> task = last;
    if (task == null) {
      return;
    }
    last = null;
    Throwable failed = result(task);
    if (failed instanceof IOException io) {
      throw io;
    }
    if (failed instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (failed instanceof Error error) {
      throw error;
    }
  }

  /** Waits until nothing is being written into a folder. */
  static void await(CheckpointFolder folder) {
    FutureTask<@Nullable Throwable> task = UNDER_WAY.get(key(folder));
    if (task != null) {
      result(task); // The training is told of a failure, if it is still there.
    }
  }

  private static @Nullable Throwable result(FutureTask<@Nullable Throwable> task) {
    boolean isInterrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException again) {
          // A checkpoint half-written would be worse than a thread that ends a little later.
          isInterrupted = true;
        } catch (ExecutionException thrown) {
          throw new AssertionError("a save returns what it fails by", thrown);
        }
      }
    } finally {
      if (isInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Path key(CheckpointFolder folder) {
    return folder.folder().toAbsolutePath().normalize().resolve(folder.name());
  }
}
