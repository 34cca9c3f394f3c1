package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointException;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointPart;
import io.github.dl4jtorch.adapter.checkpoint.PartFile;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A folder with what two moving averages were along a training, from which the average of any other
 * width is made when the training is over, and the best one found (EDM2's post-hoc EMA).
 *
 * <p>An average with a power function for its profile is a weighted mean over the training. The
 * snapshots are combined so that their profiles come as near as can be, in the least squares, to
 * the one that is wanted. The more snapshots and the nearer to the width that was tracked, the
 * better.
 *
 * <p>See Karras et al., <a href="https://arxiv.org/abs/2312.02696">Analyzing and Improving the
 * Training Dynamics of Diffusion Models</a>, section 3 and appendix C.
 *
 * <pre>{@code
 * EmaSnapshots snapshots = EmaSnapshots.in(Path.of("ema"));
 * net.addListeners(
 *     AveragingListener.everyIteration(net, AveragedModel.of(net, Averaging.powerEma(0.05)))
 *         .savingTo(snapshots, 500),
 *     AveragingListener.everyIteration(net, AveragedModel.of(net, Averaging.powerEma(0.1)))
 *         .savingTo(snapshots, 500));
 * net.fit(training, 100);
 * MultiLayerNetwork wide = snapshots.reconstruct(net, 0.15);
 * new UpdateBn().run(wide, training);
 * wide.evaluate(validation);
 * }</pre>
 *
 * <p>Of one training only. One that was killed and goes on from its checkpoint writes the snapshots
 * since then again, the same to the bit.
 */
public final class EmaSnapshots {

  private static final Pattern NAME = Pattern.compile("ema-(.+)-(\\d+)\\.zip");

  /** What a file holds, as its name says. */
  private record Snapshot(Path file, double sigmaRel, long models, PowerProfile profile) {

    /** Returns how much its profile and another's have in common. */
    double times(Snapshot other) {
      return times(other.profile, other.models);
    }

    double times(PowerProfile other, long atModels) {
      return profile.times((double) models, other, (double) atModels);
    }
  }

  private final Path folder;

  private EmaSnapshots(Path folder) {
    this.folder = folder;
  }

  /**
   * Takes a folder, which need not exist yet.
   *
   * @param folder the folder, of one training
   * @return its snapshots
   */
  public static EmaSnapshots in(Path folder) {
    Require.requireGiven("folder", folder);
    return new EmaSnapshots(folder);
  }

  static PowerProfile requirePower(AveragedModel<?> average) {
    PowerProfile profile = average.averaging().profile();
    if (profile == null) {
      throw new IllegalArgumentException(
          "the average must be an Averaging.powerEma(..) but is " + average.averaging());
    }
    return profile;
  }

  /**
   * Saves an average as it is now. Its file has the size of the parameters and takes its name when
   * it is whole; one of the same width and moment is replaced.
   *
   * @param average an average by {@link Averaging#powerEma}
   * @throws IllegalArgumentException if it averages in another way
   * @throws IllegalStateException if it holds nothing yet, or within {@link AveragedModel#during}
   * @throws IOException if it cannot be written
   */
  public void save(AveragedModel<?> average) throws IOException {
    Require.requireGiven("average", average);
    requirePower(average);
    if (average.nAveraged() == 0) {
      throw new IllegalStateException(
          "the average must hold a model before it is saved, but nothing has been averaged yet");
    }
    Files.createDirectories(folder);
    String name =
        String.format(
            Locale.ROOT,
            "ema-%s-%010d.zip",
            average.averaging().toMap().get("sigma_rel"),
            average.nAveraged());
    PartFile.save(AverageCheckpoint.of(average), folder.resolve(name));
  }

  /**
   * Makes the average of a width as it would be at the newest snapshot. See {@link
   * #reconstruct(NeuralNetwork, double, long)}.
   *
   * @param net a network of the architecture; it is not changed
   * @param sigmaRel the width relative to the training's length, {@code >= 1e-6} and {@code <=
   *     0.2887}
   * @param <N> the kind of network
   * @return a copy of the network with the average
   * @throws IllegalArgumentException if an argument is out of its range
   * @throws IllegalStateException if there is no snapshot
   * @throws MalformedDataException if a snapshot is of another architecture, or not what its name
   *     says
   * @throws CheckpointException if a snapshot is damaged
   * @throws IOException if the folder cannot be read
   */
  public <N extends NeuralNetwork> N reconstruct(N net, double sigmaRel) throws IOException {
    return reconstruct(net, sigmaRel, Long.MAX_VALUE);
  }

  /**
   * Makes the average of a width as it would be at an earlier moment. One snapshot after the other
   * is added up in double precision, so there is room for that, one snapshot and the result in
   * memory. The running statistics of batch normalization are those of the newest snapshot: run
   * {@link UpdateBn}.
   *
   * @param net a network of the architecture; it is not changed
   * @param sigmaRel the width relative to the training's length, {@code >= 1e-6} and {@code <=
   *     0.2887}
   * @param models how many models the newest snapshot that is used may hold, {@code > 0}; the
   *     moment is the one of that snapshot
   * @param <N> the kind of network
   * @return a copy of the network with the average
   * @throws IllegalArgumentException if an argument is out of its range
   * @throws IllegalStateException if there is no snapshot up to then
   * @throws MalformedDataException if a snapshot is of another architecture, or not what its name
   *     says
   * @throws CheckpointException if a snapshot is damaged
   * @throws IOException if the folder cannot be read
   */
  public <N extends NeuralNetwork> N reconstruct(N net, double sigmaRel, long models)
      throws IOException {
    if (models <= 0) {
      throw Require.illegal("models", "> 0", models);
    }
    PowerProfile wanted = PowerProfile.ofSigmaRel(sigmaRel);
    List<Snapshot> snapshots = snapshots(models);
    if (snapshots.isEmpty()) {
      throw new IllegalStateException(
          "there must be a snapshot to reconstruct an average from, but "
              + folder
              + " has none"
              + (models == Long.MAX_VALUE ? "" : " of up to " + models + " models"));
    }
    double[] shares = shares(snapshots, wanted);
    N copy = NetworkCopy.withoutUpdaterState(net);
    MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
    try {
      combine(snapshots, shares, copy);
    } finally {
      outside.close();
    }
    return copy;
  }

  private static void combine(List<Snapshot> snapshots, double[] shares, NeuralNetwork into)
      throws IOException {
    Weights weights = new Weights(into);
    INDArray sum = Nd4j.zeros(DataType.DOUBLE, weights.count());
    List<INDArray> sums = Weights.pieces(sum);
    for (int i = 0; i < shares.length; i++) {
      INDArray params = params(snapshots.get(i), into);
      List<INDArray> pieces = Weights.pieces(params.reshape(params.length()));
      for (int piece = 0; piece < sums.size(); piece++) {
        INDArray exact = pieces.get(piece).castTo(DataType.DOUBLE);
        sums.get(piece).addi(exact.mul(shares[i]));
      }
      if (i == shares.length - 1) {
        weights.all().assign(sum);
        for (BatchNorm norm : weights.batchNorms()) {
          norm.copyFrom(params.reshape(params.length()), weights);
        }
      }
    }
  }

  private static INDArray params(Snapshot snapshot, NeuralNetwork like) throws IOException {
    CheckpointPart saved = PartFile.load(snapshot.file);
    try {
      Entries state = new Entries(AverageCheckpoint.state(saved));
      PowerProfile profile = Averaging.fromMap(state.map("averaging")).profile();
      if (!snapshot.profile.equals(profile)
          || state.count("n_averaged", Long.MAX_VALUE) != snapshot.models) {
        throw new MalformedDataException("its name says another width or moment than it has");
      }
      return AverageCheckpoint.params(saved, like);
    } catch (MalformedDataException refused) {
      throw new MalformedDataException(snapshot.file + ": " + refused.getMessage(), refused);
    }
  }

  /** Returns the snapshots up to a moment, the newest and narrowest last. */
  private List<Snapshot> snapshots(long models) throws IOException {
    List<Snapshot> snapshots = new ArrayList<>();
    if (!Files.isDirectory(folder)) {
      return snapshots;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (name.matches()) {
          Snapshot snapshot = snapshot(file, name.group(1), name.group(2));
          if (snapshot.models <= models) {
            snapshots.add(snapshot);
          }
        }
      }
    }
    snapshots.sort(
        Comparator.comparingLong(Snapshot::models)
            .thenComparing(Comparator.comparingDouble(Snapshot::sigmaRel).reversed()));
    return snapshots;
  }

  private static Snapshot snapshot(Path file, String sigmaRel, String models) {
    try {
      double width = Double.parseDouble(sigmaRel);
      return new Snapshot(file, width, Long.parseLong(models), PowerProfile.ofSigmaRel(width));
    } catch (IllegalArgumentException refused) {
      throw new MalformedDataException(
          file + " must have the name of a snapshot: " + refused.getMessage(), refused);
    }
  }

  /**
   * Returns how much of each snapshot to take, so that the profile is nearest to one at the moment
   * of the last.
   */
  private static double[] shares(List<Snapshot> snapshots, PowerProfile wanted) {
    int size = snapshots.size();
    long end = snapshots.get(size - 1).models;
    double[][] products = new double[size][size];
    double[] shares = new double[size];
    double[] lengths = new double[size];
    for (int i = 0; i < size; i++) {
      Snapshot one = snapshots.get(i);
      lengths[i] = Math.sqrt(one.times(one));
      for (int j = 0; j <= i; j++) {
        products[i][j] = one.times(snapshots.get(j)) / (lengths[i] * lengths[j]);
      }
      shares[i] = one.times(wanted, end) / lengths[i];
    }
    solve(products, shares);
    for (int i = 0; i < size; i++) {
      shares[i] /= lengths[i];
    }
    return shares;
  }

  /**
   * Solves for a symmetric matrix of which the lower half is given, by Cholesky's method; in place.
   */
  private static void solve(double[][] matrix, double[] vector) {
    int size = vector.length;
    for (int i = 0; i < size; i++) {
      for (int j = 0; j <= i; j++) {
        double rest = matrix[i][j];
        for (int k = 0; k < j; k++) {
          rest -= matrix[i][k] * matrix[j][k];
        }
        if (i > j) {
          matrix[i][j] = rest / matrix[j][j];
        } else if (rest > 1e-15) {
          matrix[i][i] = Math.sqrt(rest);
        } else {
          throw new IllegalStateException(
              "the snapshots must differ by more than rounding to be told apart: track widths"
                  + " further from one another, or save less often");
        }
      }
    }
    for (int i = 0; i < size; i++) {
      for (int k = 0; k < i; k++) {
        vector[i] -= matrix[i][k] * vector[k];
      }
      vector[i] /= matrix[i][i];
    }
    for (int i = size - 1; i >= 0; i--) {
      for (int k = i + 1; k < size; k++) {
        vector[i] -= matrix[k][i] * vector[k];
      }
      vector[i] /= matrix[i][i];
    }
  }

  @Override
  public String toString() {
    return "EmaSnapshots[" + folder + "]";
  }
}
