package io.github.dl4jtorch.adapter.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.fixtures.Nets;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.learning.config.Adam;

/** Several threads and processes that save into one folder. */
class SeveralWritersTest {

  private static final int WRITERS = 4;
  private static final int SAVES = 50;

  @TempDir private Path folder;

  private Path file() {
    return folder.resolve("training.zip");
  }

  /** A network whose parameters are all its number. */
  private static MultiLayerNetwork numbered(int number) {
    MultiLayerNetwork net = Nets.layers(new Adam(0.01));
    net.params().assign(number);
    return net;
  }

  private static void requireWhole(Path file, int writers) throws IOException {
    double[] params = Nets.params(TrainingCheckpoint.load(file).network(MultiLayerNetwork.class));
    assertThat(params[0]).isBetween(0.0, writers - 1.0);
    assertThat(params).containsOnly(params[0]);
  }

  @Test
  void everyLoadOfAFileThatManySaveFindsItWhole() throws Exception {
    numbered(0);
    CheckpointWriter.of(numbered(0)).save(file());
    ExecutorService pool = Executors.newFixedThreadPool(WRITERS + 1);
    try {
      List<Future<?>> tasks = new ArrayList<>();
      for (int writer = 0; writer < WRITERS; writer++) {
        CheckpointWriter own = CheckpointWriter.of(numbered(writer));
        Callable<Boolean> saves =
            () -> {
              for (int save = 0; save < SAVES; save++) {
                own.save(file());
              }
              return true;
            };
        tasks.add(pool.submit(saves));
      }
      Callable<Boolean> loads =
          () -> {
            for (int load = 0; load < SAVES; load++) {
              requireWhole(file(), WRITERS);
            }
            return true;
          };
      tasks.add(pool.submit(loads));
      for (Future<?> task : tasks) {
        task.get();
      }
    } finally {
      pool.shutdownNow();
    }
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }

  /** A process that does something with the folder, tells so by a dot, and waits to be killed. */
  public static final class Child {

    private Child() {}

    /** Saves one file again and again, or trains into the folder. */
    public static void main(String[] args) throws IOException {
      Path folder = Path.of(args[1]);
      MultiLayerNetwork net = numbered(1);
      CheckpointWriter writer = CheckpointWriter.of(net);
      if (args[0].equals("save")) {
        for (int save = 0; save < SAVES; save++) {
          writer.save(folder.resolve("training.zip"));
          System.out.write('.');
          System.out.flush();
        }
      } else {
        net.addListeners(
            TrainingCheckpointListener.everyIteration(writer, folder),
            new BaseTrainingListener() {
              @Override
              public void iterationDone(Model model, int iteration, int epoch) {
                System.out.write('.');
                System.out.flush();
                while (true) {
                  LockSupport.park();
                }
              }
            });
        net.fit(Nets.epoch(2));
      }
    }
  }

  private Process start(String what) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            System.getProperty("java.class.path"),
            Child.class.getName(),
            what,
            folder.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  @Test
  void processesSaveOneFileByTurns() throws Exception {
    CheckpointWriter writer = CheckpointWriter.of(numbered(0));
    writer.save(file());
    Process process = start("save");
    try (InputStream out = process.getInputStream()) {
      assertThat(out.read()).isEqualTo('.');
      while (process.isAlive()) {
        writer.save(file());
        requireWhole(file(), 2);
      }
      assertThat(out.readAllBytes()).hasSize(SAVES - 1);
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.waitFor()).isZero();
    assertThat(folder.toFile().list()).containsExactly("training.zip");
  }

  private TrainingCheckpointListener listener(MultiLayerNetwork net) {
    return TrainingCheckpointListener.everyIteration(CheckpointWriter.of(net), folder);
  }

  private String refusal(String owner) {
    return "the folder "
        + folder
        + " must be that of one training, but "
        + owner
        + " saves \"checkpoint\" there: end that training or close() its listener, or choose another"
        + " folder or name";
  }

  @Test
  void aFolderIsOneProcessesUntilThatEnds() throws Exception {
    MultiLayerNetwork net = numbered(0);
    net.addListeners(listener(net));
    Process process = start("train");
    try (InputStream out = process.getInputStream()) {
      assertThat(out.read()).isEqualTo('.');
      assertThatThrownBy(() -> net.fit(Nets.epoch(3)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(refusal("another process"));
      assertThat(net.getIterationCount()).isZero();
      // Under another name there is room.
      MultiLayerNetwork other = numbered(2);
      other.addListeners(listener(other).named("other"));
      other.fit(Nets.epoch(1));
    } finally {
      process.destroyForcibly();
      process.waitFor();
    }
    Path left =
        folder.resolve("checkpoint-0000000002-000000.zip.0123456789abcdef0123456789abcdef.tmp");
    Files.writeString(left, "half a file");
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    MultiLayerNetwork resumed = latest.network(MultiLayerNetwork.class);
    resumed.addListeners(listener(resumed));
    resumed.fit(latest.remaining(Nets.epoch(2)));
    assertThat(folder.toFile().list())
        .containsExactlyInAnyOrder(
            "checkpoint.lock",
            "checkpoint-0000000001-000000.zip",
            "checkpoint-0000000002-000000.zip",
            "other.lock",
            "other-0000000001-000000.zip");
  }

  @Test
  void aFolderIsOneThreadsUntilThatEndsOrItIsClosed() throws Exception {
    MultiLayerNetwork first = numbered(0);
    TrainingCheckpointListener owner = listener(first);
    first.addListeners(owner);
    CountDownLatch hasTrained = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              first.fit(Nets.epoch(2));
              hasTrained.countDown();
              try {
                mayEnd.await();
              } catch (InterruptedException none) {
                throw new AssertionError(none);
              }
            });
    thread.start();
    hasTrained.await();
    TrainingCheckpoint latest = TrainingCheckpoint.latest(folder).orElseThrow();
    MultiLayerNetwork second = latest.network(MultiLayerNetwork.class);
    second.addListeners(listener(second));
    assertThatThrownBy(() -> second.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(refusal("another thread of this process"));
    assertThat(second.getIterationCount()).isEqualTo(2);
    owner.close();
    second.fit(Nets.epoch(1));
    mayEnd.countDown();
    thread.join();
    // The first would be mixed with the second, which has gone on from it.
    assertThatThrownBy(() -> first.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith(folder.resolve("checkpoint-0000000003-000000.zip").toString());
    assertThat(first.getIterationCount()).isEqualTo(2);
  }

  @Test
  void aNetworkThatIsTrainedOnAfterAnotherTookOverIsRefused() {
    MultiLayerNetwork first = numbered(0);
    first.addListeners(listener(first));
    first.fit(Nets.epoch(1));
    MultiLayerNetwork second = numbered(1);
    second.setIterationCount(1);
    second.addListeners(listener(second));
    second.fit(Nets.epoch(1));
    assertThatThrownBy(() -> first.fit(Nets.epoch(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "the folder "
                + folder
                + " must be that of one training, but another network that was trained since is"
                + " saved as \"checkpoint\" there: choose another folder or name for one of them");
  }

  @Test
  void severalListenersOfANetworkShareAFolder() throws IOException {
    MultiLayerNetwork net = numbered(0);
    TrainingCheckpointListener iterations = listener(net);
    net.addListeners(
        iterations, TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(net), folder));
    net.fit(Nets.epoch(2));
    iterations.close();
    net.setListeners(TrainingCheckpointListener.everyEpoch(CheckpointWriter.of(net), folder));
    net.fit(Nets.epoch(2));
    assertThat(
            TrainingCheckpoint.latest(folder)
                .orElseThrow()
                .network(MultiLayerNetwork.class)
                .getEpochCount())
        .isEqualTo(2);
  }

  @Test
  void followsNoLinkAndWritesForTheOwnerOnly() throws IOException {
    Path target = folder.resolve("precious");
    Files.writeString(target, "precious");
    Files.createSymbolicLink(folder.resolve("training.zip.tmp"), target);
    Files.createSymbolicLink(folder.resolve("checkpoint.lock"), target);
    CheckpointWriter.of(numbered(0)).save(file());
    assertThat(Files.readString(target)).isEqualTo("precious");
    assertThat(Files.isRegularFile(file(), LinkOption.NOFOLLOW_LINKS)).isTrue();
    if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
          .isEqualTo("rw-------");
    }
    MultiLayerNetwork net = numbered(0);
    net.addListeners(listener(net));
    assertThatThrownBy(() -> net.fit(Nets.epoch(1)))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageEndingWith(folder.resolve("checkpoint.lock") + " cannot be locked");
    assertThat(Files.readString(target)).isEqualTo("precious");
  }

  @Test
  void savesInAThreadThatIsInterrupted() {
    Thread.currentThread().interrupt();
    try {
      assertThatCode(() -> CheckpointWriter.of(numbered(0)).save(file()))
          .doesNotThrowAnyException();
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(CheckpointFile.isUndamaged(file())).isTrue();
  }
}
