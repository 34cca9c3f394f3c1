package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.blas.Level1;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.reduce.longer.MatchCondition;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.Axpy;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.indexing.conditions.Conditions;

/**
 * All parameters of a network, as views: nothing here is a copy.
 *
 * <p>They are worked on in pieces, of which a few fit into the processor's cache: averaging takes
 * two operations, and the second then finds in the cache what the first has read and written.
 */
final class Weights {

  private static final long PIECE = 1 << 20;

  private final LiveNetwork net;
  private final INDArray all;
  private final List<INDArray> pieces;
  private final List<BatchNorm> batchNorms;
  private final @Nullable INDArray first;
  private @Nullable INDArray room;

  /**
   * Looks at a network's parameters.
   *
   * @throws IllegalStateException if it is not initialised
   */
  Weights(NeuralNetwork network) {
    this.net = LiveNetwork.of(network, "it is averaged");
    this.all = network.params();
    this.pieces = pieces(all);
    this.batchNorms = BatchNorm.allOf(net);
    this.first = firstParameter();
  }

  /** Cuts parameters into pieces. */
  static List<INDArray> pieces(INDArray all) {
    List<INDArray> pieces = new ArrayList<>();
    for (long start = 0; start < all.length(); start += PIECE) {
      pieces.add(slice(all, start, Math.min(all.length(), start + PIECE)));
    }
    return pieces;
  }

  List<INDArray> pieces() {
    return pieces;
  }

  /** Returns where among all parameters the first number of one of them is. */
  long start(INDArray parameter) {
    return parameter.offset() - all.offset();
  }

  private static INDArray slice(INDArray array, long start, long end) {
    // As it is cut it says it is in F order, which beside C order costs much time.
    return array.get(NDArrayIndex.interval(start, end)).reshape('c', new long[] {end - start});
  }

  /** Whether this still is what a network has. */
  boolean isOf(NeuralNetwork other) {
    return other == net.network() && first == firstParameter();
  }

  /**
   * Returns the first array of parameters, null if there is none; a new one tells of a new init.
   */
  private @Nullable INDArray firstParameter() {
    for (Layer layer : net.layers()) {
      Map<String, INDArray> table = layer.paramTable();
      if (table != null && !table.isEmpty()) {
        return table.values().iterator().next();
      }
    }
    return null;
  }

  long count() {
    return all.length();
  }

  DataType type() {
    return all.dataType();
  }

  INDArray all() {
    return all;
  }

  Map<String, INDArray> table() {
    return net.model().paramTable();
  }

  /** Returns all parameters but the running statistics. */
  List<Map.Entry<String, INDArray>> parameters() {
    return table().entrySet().stream()
        .filter(entry -> batchNorms.stream().noneMatch(norm -> norm.owns(entry.getValue())))
        .toList();
  }

  List<BatchNorm> batchNorms() {
    return batchNorms;
  }

  /**
   * Checks that another network's parameters correspond to these.
   *
   * @throws IllegalArgumentException if they do not, naming the first that differs
   */
  void requireSameArchitecture(Weights other) {
    Iterator<Map.Entry<String, INDArray>> own = table().entrySet().iterator();
    Iterator<Map.Entry<String, INDArray>> theirs = other.table().entrySet().iterator();
    while (own.hasNext() || theirs.hasNext()) {
      String expected = own.hasNext() ? describe(own.next()) : "no more parameters";
      String actual = theirs.hasNext() ? describe(theirs.next()) : "no more parameters";
      if (!isSame(expected, actual)) {
        throw new IllegalArgumentException(
            "the network must have the architecture of the average, but where that has "
                + expected
                + ", it has "
                + actual);
      }
    }
    if (type() != other.type()) {
      throw new IllegalArgumentException(
          "the network's parameters must be of the average's type "
              + type()
              + " but were "
              + other.type());
    }
  }

  /** Compares descriptions; DL4J may hold a vector as a row in one network and not in another. */
  static boolean isSame(String one, String other) {
    return one.replace("[1, ", "[").equals(other.replace("[1, ", "["));
  }

  private static String describe(Map.Entry<String, INDArray> parameter) {
    return parameter.getKey() + " of shape " + Arrays.toString(parameter.getValue().shape());
  }

  /**
   * Checks that no parameter is NaN or infinite, by a sum that is NaN or infinite if one is.
   *
   * @throws IllegalArgumentException if one is, naming the first
   */
  void requireFinite() {
    if (all.length() > 0 && !isSurelyFinite()) {
      table().forEach(Weights::requireFinite);
    }
  }

  private boolean isSurelyFinite() {
    Level1 blas = Nd4j.getBlasWrapper().level1();
    if (hasBlas()) {
      return Double.isFinite(blas.asum(all));
    }
    if (room == null) {
      long length = Math.min(PIECE, all.length());
      room = Nd4j.createUninitializedDetached(DataType.FLOAT, length);
    }
    double sum = 0;
    for (INDArray piece : pieces) {
      INDArray exact = piece.length() == room.length() ? room : slice(room, 0, piece.length());
      sum += blas.asum(exact.assign(piece));
    }
    return Double.isFinite(sum);
  }

  static void requireFinite(String name, INDArray values) {
    long bad = notFinite(values);
    if (bad > 0) {
      throw new IllegalArgumentException(
          "parameters must be finite to be averaged, but in "
              + name
              + " "
              + bad
              + " of "
              + values.length()
              + " are NaN or infinite");
    }
  }

  private static long notFinite(INDArray values) {
    // In 16 bits the operation does not see every NaN.
    INDArray exact = values.dataType().width() < 4 ? values.castTo(DataType.FLOAT) : values;
    return Nd4j.getExecutioner().exec(new MatchCondition(exact, Conditions.notFinite())).getLong(0);
  }

  /** Whether BLAS knows numbers of this type. */
  private boolean hasBlas() {
    return type() == DataType.FLOAT || type() == DataType.DOUBLE;
  }

  /** Takes over the other network's parameters. */
  void assign(Weights other) {
    for (int i = 0; i < pieces.size(); i++) {
      pieces.get(i).assign(other.pieces.get(i));
    }
  }

  /** Becomes {@code decay} times itself plus {@code 1 - decay} times the other. */
  void move(Weights other, double decay) {
    // Backwards, since the check, if it was made right before, has left the end in the cache.
    for (int i = pieces.size() - 1; i >= 0; i--) {
      INDArray own = pieces.get(i);
      own.muli(decay);
      // Not BLAS, whose threads would compete with those of the operation before.
      Nd4j.exec(new Axpy(other.pieces.get(i), own, own, 1 - decay));
    }
  }

  /**
   * Gives these parameters to the other network, and its own to this one.
   *
   * @param room for a piece
   */
  void exchange(Weights other, INDArray room) {
    for (int i = 0; i < pieces.size(); i++) {
      INDArray own = pieces.get(i);
      INDArray theirs = other.pieces.get(i);
      INDArray kept = own.length() == room.length() ? room : slice(room, 0, own.length());
      kept.assign(own);
      own.assign(theirs);
      theirs.assign(kept);
    }
  }

  /** Returns room for a piece of these. */
  INDArray room() {
    return Nd4j.createUninitializedDetached(type(), Math.max(1, Math.min(PIECE, all.length())));
  }
}
