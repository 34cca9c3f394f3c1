package io.github.dl4jtorch.handover;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.Safetensors;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchFileException;
import io.github.dl4jtorch.files.TorchTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The weights of a network as PyTorch's {@code state_dict()}.
 *
 * <p>Each layer takes the entries of the module with its name: layer or vertex {@code
 * layer1.0.conv1} those of {@code layer1.0.conv1.weight} and {@code .bias}. Other names are given
 * by a function, or the modules are taken in their order. All is transposed, permuted and converted
 * as needed; the table of layers is in {@code docs/from-pytorch-files.md}.
 *
 * <p>Nothing is changed unless everything fits; {@link #partial} takes what does. Numbers that are
 * NaN or infinite do not fit.
 *
 * <pre>{@code
 * TorchWeights weights = TorchWeights.of(net);
 * System.out.println(weights.load(Path.of("model.pt")));
 * TorchFile.write(Path.of("changed.pt"), weights.stateDict());
 * }</pre>
 */
public final class TorchWeights {

  /** What is to be written where, once all has been found to fit. */
  record Write(INDArray target, INDArray value) {
    void apply() {
      target.assign(value);
    }
  }

  private final NeuralNetwork net;
  private final @Nullable UnaryOperator<String> moduleOf;
  private final boolean isPartial;

  private TorchWeights(
      NeuralNetwork net, @Nullable UnaryOperator<String> moduleOf, boolean isPartial) {
    this.net = net;
    this.moduleOf = moduleOf;
    this.isPartial = isPartial;
  }

  /**
   * Takes a network whose layers or vertices are named as PyTorch's modules.
   *
   * <p>A layer that stands for two modules has both names with a {@code +} between them: {@code
   * fc+norm} for a dense layer with layer normalization. Of an LSTM of several layers the first is
   * {@code lstm}, the second {@code lstm_l1}, and so on.
   *
   * @param net the network, initialised
   * @return its weights
   * @throws IllegalStateException if the network is not initialised
   */
  public static TorchWeights of(NeuralNetwork net) {
    LiveNetwork.of(net, "its weights are handed over");
    return new TorchWeights(net, UnaryOperator.identity(), false);
  }

  /**
   * Returns the same with names of modules by a function.
   *
   * @param moduleOf the name of the module for the name of a layer or vertex
   * @return the weights
   */
  @CheckReturnValue
  public TorchWeights named(UnaryOperator<String> moduleOf) {
    return new TorchWeights(net, moduleOf, isPartial);
  }

  /**
   * Returns the same without regard to names: the first module with parameters is that of the first
   * layer with parameters, and so on. The layers of a graph are taken in the order in which they
   * were added to its configuration.
   *
   * @return the weights
   */
  @CheckReturnValue
  public TorchWeights inOrder() {
    return new TorchWeights(net, null, isPartial);
  }

  /**
   * Returns the same, taking over what fits even if something does not.
   *
   * @return the weights
   */
  @CheckReturnValue
  public TorchWeights partial() {
    return new TorchWeights(net, moduleOf, true);
  }

  boolean isPartial() {
    return isPartial;
  }

  NeuralNetwork network() {
    return net;
  }

  /** Returns the same for a network of the same architecture. */
  TorchWeights forNetwork(NeuralNetwork other) {
    return new TorchWeights(other, moduleOf, isPartial);
  }

  /**
   * Says what would fit, and changes nothing.
   *
   * @param stateDict tensors by name, as {@code TorchFile.read} or {@code
   *     Safetensors.read(..).tensors()} returns them
   * @return the report
   */
  public HandoverReport compare(Map<?, ?> stateDict) {
    HandoverReport.Draft report = new HandoverReport.Draft();
    Matching matching = match(stateDict, report);
    plan(stateDict, matching, report);
    return report.done();
  }

  /**
   * Takes over weights.
   *
   * @param stateDict tensors by name, as {@code TorchFile.read} or {@code
   *     Safetensors.read(..).tensors()} returns them
   * @return what was taken over
   * @throws HandoverException if not everything fits, with a report; nothing is changed
   */
  @SuppressWarnings("CheckReturnValue")
  public HandoverReport load(Map<?, ?> stateDict) {
    HandoverReport.Draft draft = new HandoverReport.Draft();
    Matching matching = match(stateDict, draft);
    List<Write> writes = plan(stateDict, matching, draft);
    HandoverReport report = draft.done();
    if (!isPartial && !report.fits()) {
      throw new HandoverException(report);
    }
    writes.forEach(Write::apply);
    return report;
  }

  /**
   * Takes over the weights of a file that holds nothing else.
   *
   * @param file a {@code .pt}, {@code .pth} or {@code .safetensors} file
   * @return what was taken over
   * @throws TorchFileException if the file cannot be read; nothing is changed
   * @throws HandoverException if not everything fits, with a report; nothing is changed
   */
  public HandoverReport load(Path file) throws TorchFileException {
    Map<?, ?> stateDict = read(file);
    try {
      return load(stateDict);
    } catch (HandoverException refused) {
      throw refused.in(file);
    }
  }

  static Map<?, ?> read(Path file) throws TorchFileException {
    return file.toString().endsWith(".safetensors")
        ? Safetensors.read(file).tensors()
        : TorchFile.read(file);
  }

  Matching match(Map<?, ?> stateDict, HandoverReport.Draft report) {
    return Matching.of(stateDict, Twins.of(net), moduleOf, report);
  }

  /** Gives the parameters names where there is no dict that has them. */
  Matching named() {
    return Matching.named(Twins.of(net), moduleOf);
  }

  /** Reads what fits, and writes into the report what does and what does not. */
  List<Write> plan(Map<?, ?> stateDict, Matching matching, HandoverReport.Draft report) {
    DataType type = net.params().dataType();
    List<Write> writes = new ArrayList<>();
    for (Twin twin : matching.twins()) {
      List<Matching.Entry> entries = matching.entries(twin);
      if (entries.size() < twin.leaves().size()) {
        continue; // Missing, as was said.
      }
      List<INDArray> tensors = new ArrayList<>();
      for (Matching.Entry entry : entries) {
        INDArray tensor = tensor(stateDict, entry, type, report);
        if (tensor != null) {
          tensors.add(tensor);
        }
      }
      if (tensors.size() == entries.size()) {
        writes.add(new Write(twin.own(), twin.toOwn(tensors)));
        report.applied.add(
            String.join(" + ", entries.stream().map(Matching.Entry::key).toList())
                + " "
                + Arrays.toString(twin.shape())
                + " -> "
                + twin);
      }
    }
    return writes;
  }

  private static @Nullable INDArray tensor(
      Map<?, ?> stateDict, Matching.Entry entry, DataType type, HandoverReport.Draft report) {
    if (!(stateDict.get(entry.key()) instanceof TorchTensor tensor)) {
      return null;
    }
    String complaint = Tensors.complaint(tensor, entry.twin().shape());
    if (complaint == null) {
      INDArray array = Tensors.array(tensor, type);
      if (Tensors.isFinite(array)) {
        return array;
      }
      complaint = "has numbers that are NaN or infinite";
    }
    report.misfits.add(entry.key() + " " + complaint + " for " + entry.twin());
    return null;
  }

  /**
   * Returns the weights under PyTorch's names. Where a network has one bias for PyTorch's two, the
   * second is 0. What PyTorch counts, {@code num_batches_tracked}, is the network's count of
   * iterations. Of layers that are taken {@link #inOrder} the names are DL4J's.
   *
   * @return the state dict, ready to be written
   * @throws HandoverException if a layer has no twin in PyTorch
   */
  public Dict stateDict() {
    return stateDict(new LiveNetwork(LiveNetwork.model(net)).iterationCount());
  }

  Dict stateDict(long batches) {
    Map<String, Object> dict = new LinkedHashMap<>();
    for (Twins.OfLayer layer : Twins.of(net)) {
      if (layer.twins().isEmpty()) {
        throw new HandoverException(
            layer.name() + " is a " + layer.kind() + ", which PyTorch has no twin of");
      }
    }
    for (Matching.Entry entry : named().entries()) {
      Twin twin = entry.twin();
      INDArray value = twin.toTorch(twin.own());
      dict.put(
          entry.key(), Tensors.tensor(entry.index() == 0 ? value : value.mul(0), twin.shape()));
      if (twin.leaves().get(0).equals("running_var")) {
        dict.put(
            entry.key().replace("running_var", Matching.BATCHES),
            TorchTensor.of(new long[] {batches}));
      }
    }
    return Dict.ordered(dict);
  }

  /**
   * Returns the weights in the form of a state dict that was read: the same keys in the same order,
   * what hangs on it, and to the bit the same tensors where the network still has what they say. Of
   * two biases each has moved by half of what their sum has moved by.
   *
   * @param like the dict, all of which must fit the network
   * @param batches what {@code num_batches_tracked} is to be, {@code >= 0}
   * @return the state dict, ready to be written
   * @throws HandoverException if not everything fits
   */
  public Dict stateDict(Dict like, long batches) {
    HandoverReport.Draft report = new HandoverReport.Draft();
    Matching matching = match(like, report);
    DataType type = net.params().dataType();
    Map<Object, @Nullable Object> dict = new LinkedHashMap<>(like);
    for (Twin twin : matching.twins()) {
      List<Matching.Entry> entries = matching.entries(twin);
      List<INDArray> former = new ArrayList<>();
      for (Matching.Entry entry : entries) {
        INDArray tensor = tensor(like, entry, type, report);
        if (tensor != null) {
          former.add(tensor);
        }
      }
      if (former.size() == twin.leaves().size() && !twin.isSame(twin.toOwn(former))) {
        INDArray present = twin.toTorch(twin.own());
        for (int i = 0; i < former.size(); i++) {
          dict.put(entries.get(i).key(), Tensors.tensor(share(present, former, i), twin.shape()));
        }
      }
    }
    if (!report.done().fits()) {
      throw new HandoverException(report.done());
    }
    for (String key : matching.counts()) {
      if (key.endsWith(Matching.BATCHES)) {
        dict.put(key, TorchTensor.of(new long[] {batches}));
      }
    }
    return Dict.ordered(dict).withAttributesOf(like);
  }

  /** Returns what one of several tensors has of their sum, all having moved alike. */
  private static INDArray share(INDArray sum, List<INDArray> former, int index) {
    if (former.size() == 1) {
      return sum;
    }
    INDArray moved = sum.dup();
    former.forEach(moved::subi);
    return former.get(index).add(moved.divi(former.size()));
  }
}
