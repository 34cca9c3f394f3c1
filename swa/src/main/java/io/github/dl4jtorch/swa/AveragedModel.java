package io.github.dl4jtorch.swa;

import io.github.dl4jtorch.adapter.EvaluationWork;
import io.github.dl4jtorch.adapter.NetworkCopy;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.RandomNumbers;
import io.github.dl4jtorch.schedules.MalformedDataException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A network whose weights are the average of another's along its training, as PyTorch's {@code
 * torch.optim.swa_utils.AveragedModel}. It shares nothing with that other network.
 *
 * <p>The running statistics of batch normalization, which DL4J keeps among the parameters, are
 * PyTorch's buffers: each update copies them, or averages them with {@link Averaging#useBuffers}.
 * At the end {@link UpdateBn} computes those that belong to the averaged weights. Everything else
 * among the parameters is averaged, the centres of a center loss layer and what serves pretraining
 * included.
 *
 * <p>An update reads the network once and the average once, in place: {@code decay * averaged + (1
 * - decay) * parameter}, which is PyTorch's formula but for the last bits in an equal average. The
 * mean of the {@linkplain Averaging#last last} models reads each of them. A network with NaN or
 * infinite parameters is refused, and the average stays as it was.
 *
 * <p>See Izmailov et al., <a href="https://arxiv.org/abs/1803.05407">Averaging Weights Leads to
 * Wider Optima and Better Generalization</a>.
 *
 * <pre>{@code
 * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.equal());
 * for (int epoch = 0; epoch < 40; epoch++) {
 *   net.fit(training);
 *   if (epoch >= 20) {
 *     average.updateParameters(net);
 *   }
 * }
 * new UpdateBn().run(average.network(), training);
 * average.network().evaluate(validation);
 * }</pre>
 *
 * @param <N> the kind of network
 */
public final class AveragedModel<N extends NeuralNetwork> {

  private static final String N_AVERAGED = "n_averaged";
  private static final String AVERAGING = "averaging";
  // Up to here a double counts, and nobody trains for so long.
  private static final long MOST_AVERAGED = 1L << 53;

  private final N network;
  private final Averaging averaging;
  private final Weights averaged;
  private final @Nullable LastModels last;
  private N trained;
  private boolean isExchanged;
  private @Nullable INDArray room;
  private @Nullable Weights source;
  private @Nullable List<INDArray> scratch;
  private long nAveraged;

  private AveragedModel(N trained, N network, Averaging averaging) {
    this.trained = trained;
    this.network = network;
    this.averaging = averaging;
    this.averaged = new Weights(network);
    this.last = averaging.last() > 0 ? new LastModels(averaging.last()) : null;
  }

  /**
   * Makes a copy of a network, to become an average of it.
   *
   * @param net the network, initialised
   * @param averaging how to average
   * @param <N> the kind of network
   * @return the averaged model, with nothing averaged yet
   * @throws IllegalStateException if the network is not initialised
   * @throws RuntimeException if the configuration has no written form, as with layers that DL4J's
   *     JSON does not know
   */
  public static <N extends NeuralNetwork> AveragedModel<N> of(N net, Averaging averaging) {
    Require.requireGiven(AVERAGING, averaging);
    LiveNetwork.of(net, "it is averaged");
    return new AveragedModel<>(net, NetworkCopy.withoutUpdaterState(net), averaging);
  }

  /**
   * Averages the network's present parameters in. The first call copies them.
   *
   * @param net the network in training, of the same architecture; it is not changed
   * @throws IllegalStateException if it is not initialised, or within {@link #during}
   * @throws IllegalArgumentException if it is the averaged network itself, if its parameters differ
   *     in number, name, shape or type, or if one is NaN or infinite; the average is as it was
   */
  public void updateParameters(N net) {
    requireInPlace("updated");
    Weights from = bind(net);
    from.requireFinite();
    AveragingFunction function = averaging.function();
    if (last != null) {
      take(from, last);
    } else if (function != null && nAveraged > 0) {
      apply(function, from);
    } else {
      move(from, averaging.decay(nAveraged));
    }
    nAveraged++;
  }

  /** Checks a network, unless it is the one that was checked last, and finds its parameters. */
  private Weights bind(N net) {
    Weights last = source;
    if (last != null && last.isOf(net)) {
      return last;
    }
    Weights found = new Weights(net);
    if (net == network) {
      throw new IllegalArgumentException(
          "the network must be the one in training but was the averaged one itself");
    }
    averaged.requireSameArchitecture(found);
    source = found;
    trained = net;
    return found;
  }

  /** Becomes the mean of the last models, of which this is the newest. */
  private void take(Weights from, LastModels last) {
    last.put(nAveraged, from.all());
    last.mean(nAveraged + 1, averaged);
    List<BatchNorm> own = averaged.batchNorms();
    for (int i = 0; i < own.size(); i++) {
      if (!averaging.usesBuffers()) {
        own.get(i).copyFrom(from.batchNorms().get(i));
      } else if (own.get(i).hasLogarithm()) {
        own.get(i).setVariance(last.meanVariance(nAveraged + 1, own.get(i), averaged));
      }
    }
  }

  private void move(Weights from, double decay) {
    if (decay == 0) {
      averaged.assign(from);
      return;
    }
    List<INDArray> variances = averaging.usesBuffers() ? variances(from, decay) : List.of();
    averaged.move(from, decay);
    List<BatchNorm> own = averaged.batchNorms();
    for (int i = 0; i < own.size(); i++) {
      if (!averaging.usesBuffers()) {
        own.get(i).copyFrom(from.batchNorms().get(i));
      } else if (own.get(i).hasLogarithm()) {
        own.get(i).setVariance(variances.get(i));
      }
    }
  }

  /** Returns the averaged variances, where averaging what is stored would not give them. */
  private List<INDArray> variances(Weights from, double decay) {
    List<INDArray> variances = new ArrayList<>();
    for (int i = 0; i < averaged.batchNorms().size(); i++) {
      BatchNorm own = averaged.batchNorms().get(i);
      INDArray theirs = from.batchNorms().get(i).variance();
      variances.add(own.variance().muli(decay).addi(theirs.muli(1 - decay)));
    }
    return variances;
  }

  /** Lets the function work on copies, which take the average's place when all went well. */
  private void apply(AveragingFunction function, Weights from) {
    List<Map.Entry<String, INDArray>> own = averaged.parameters();
    List<Map.Entry<String, INDArray>> theirs = from.parameters();
    List<INDArray> results = scratch(own);
    for (int i = 0; i < own.size(); i++) {
      INDArray result = results.get(i).assign(own.get(i).getValue());
      INDArray parameter = theirs.get(i).getValue();
      call(function, own.get(i).getKey(), result, parameter.reshape(result.shape()));
    }
    List<BatchNorm> norms = averaged.batchNorms();
    List<INDArray> means = new ArrayList<>();
    List<INDArray> variances = new ArrayList<>();
    if (averaging.usesBuffers()) {
      for (int i = 0; i < norms.size(); i++) {
        BatchNorm source = from.batchNorms().get(i);
        String name = norms.get(i).name();
        INDArray mean = norms.get(i).mean().dup();
        INDArray variance = norms.get(i).variance();
        means.add(call(function, "the running mean of " + name, mean, source.mean().dup()));
        variances.add(
            call(function, "the running variance of " + name, variance, source.variance()));
      }
    }
    for (int i = 0; i < own.size(); i++) {
      own.get(i).getValue().assign(results.get(i));
    }
    for (int i = 0; i < norms.size(); i++) {
      if (averaging.usesBuffers()) {
        norms.get(i).setMean(means.get(i));
        norms.get(i).setVariance(variances.get(i));
      } else {
        norms.get(i).copyFrom(from.batchNorms().get(i));
      }
    }
  }

  /** Returns room for the results, made once. */
  private List<INDArray> scratch(List<Map.Entry<String, INDArray>> parameters) {
    if (scratch == null) {
      scratch = new ArrayList<>();
      MemoryWorkspace outside = Nd4j.getMemoryManager().scopeOutOfWorkspaces();
      try {
        for (Map.Entry<String, INDArray> parameter : parameters) {
          scratch.add(parameter.getValue().dup());
        }
      } finally {
        outside.close();
      }
    }
    return scratch;
  }

  /** Puts the function's result into its first argument. */
  private INDArray call(
      AveragingFunction function, String name, INDArray average, INDArray parameter) {
    @Nullable INDArray result = function.average(average, parameter, nAveraged);
    if (result == null || !Arrays.equals(result.shape(), average.shape())) {
      throw new IllegalArgumentException(
          "the averaging function must return an array of shape "
              + Arrays.toString(average.shape())
              + " for "
              + name
              + " but returned "
              + (result == null ? "null" : "one of shape " + Arrays.toString(result.shape())));
    }
    Weights.requireFinite("what the averaging function made of " + name, result);
    return result == average ? average : average.assign(result);
  }

  /**
   * Does something with the network in training while it has the averaged parameters, running
   * statistics included, and gives it its own back whatever happens.
   *
   * <pre>{@code
   * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.999));
   * average.updateParameters(net);
   * double accuracy = average.during(() -> net.evaluate(validation).accuracy());
   * }</pre>
   *
   * <p>The two networks exchange their parameters, in place and bit for bit, so this takes no
   * memory of the model's size; until it is over, the average cannot be looked at, updated or
   * saved. The network is the one that was last averaged, or else the one that this was {@linkplain
   * #of made} of. Its updaters and counts and the random numbers of the calling thread stay as they
   * are. It must not be trained in here: an {@link AveragingListener} refuses that before anything
   * moves, and without one it is found out when it has happened.
   *
   * @param work what to do
   * @param <R> what comes of it
   * @param <E> the checked exception that it may throw; none for most
   * @return what the work returned
   * @throws E whatever the work throws; the network has its own parameters back
   * @throws IllegalStateException if nothing has been averaged yet; if this is called within
   *     itself; or if the network was trained: it then has the parameters from before, while the
   *     average and its updaters are as that training left them
   */
  public <R, E extends Exception> R during(EvaluationWork<R, E> work) throws E {
    Require.requireGiven("work", work);
    requireInPlace("exchanged again");
    if (nAveraged == 0) {
      throw new IllegalStateException(
          "the average must hold a model before it takes the network's place, but nothing has been"
              + " averaged yet");
    }
    Weights raw = bind(trained);
    LiveNetwork live = LiveNetwork.of(trained, "it is averaged");
    INDArray piece = room();
    int iterations = live.iterationCount();
    isExchanged = true;
    averaged.exchange(raw, piece);
    try {
      R result = RandomNumbers.undisturbed(work::run);
      requireUntrained(live, iterations);
      return result;
    } finally {
      averaged.exchange(raw, piece);
      isExchanged = false;
    }
  }

  /** Returns room for a piece of the parameters, made once. */
  private INDArray room() {
    INDArray made = room;
    if (made == null) {
      made = averaged.room();
      room = made;
    }
    return made;
  }

  private static void requireUntrained(LiveNetwork net, int iterations) {
    int done = net.iterationCount() - iterations;
    if (done != 0) {
      throw new IllegalStateException(
          "the network must not be trained within average.during(..), but made "
              + done
              + " iterations there: it has its parameters from before again, and the average and the"
              + " updaters are as that training left them; go on from a checkpoint");
    }
  }

  /** Refuses a training that would begin with the averaged parameters. */
  void requireTrainable() {
    if (isExchanged) {
      throw new IllegalStateException(
          "the network must not be trained within average.during(..), where it has the averaged"
              + " parameters");
    }
  }

  /** Refuses what would take one network's parameters for the other's. */
  void requireInPlace(String what) {
    if (isExchanged) {
      throw new IllegalStateException(
          "the average must not be "
              + what
              + " within average.during(..), where the network in training has its parameters");
    }
  }

  /**
   * Returns how many models were averaged. Of these {@link Averaging#last} holds the last ones.
   *
   * @return the number of updates
   */
  public long nAveraged() {
    return nAveraged;
  }

  /**
   * Begins anew: the next update is the first again, which copies. torchvision's references do so
   * during the epochs in which the rate warms up.
   *
   * @throws IllegalStateException within {@link #during}
   */
  public void restart() {
    requireInPlace("restarted");
    nAveraged = 0;
  }

  /**
   * Returns how this averages.
   *
   * @return the averaging
   */
  public Averaging averaging() {
    return averaging;
  }

  /**
   * Returns the averaged network. It is the same with each call, is changed by each update, and is
   * a network like any other: it can predict, be evaluated, and be saved by DL4J's {@code
   * ModelSerializer}. It has no listeners, and updaters without state.
   *
   * @return the network, not a copy
   * @throws IllegalStateException within {@link #during}
   */
  public N network() {
    requireInPlace("looked at");
    return network;
  }

  /**
   * Returns the models that {@link Averaging#last} holds.
   *
   * @return the parameters of each, not copies, from the oldest on; none with any other averaging
   * @throws IllegalStateException within {@link #during}
   */
  public List<INDArray> lastModels() {
    requireInPlace("looked at");
    return last == null ? List.of() : last.all(nAveraged);
  }

  /**
   * Returns what, beside the averaged network's parameters and {@link #lastModels()}, is needed to
   * go on later: how many models were averaged, and how. A plain map, ready for any JSON library.
   *
   * @return the map: {@code n_averaged} as in PyTorch, and {@code averaging}, which is left out if
   *     the function is one's own
   */
  public Map<String, Object> stateDict() {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put(N_AVERAGED, nAveraged);
    if (averaging.function() == null) {
      state.put(AVERAGING, averaging.toMap());
    }
    return state;
  }

  /**
   * Takes up an average that was saved.
   *
   * <pre>{@code
   * AveragedModel<MultiLayerNetwork> average = AveragedModel.of(net, Averaging.ema(0.999));
   * Map<String, Object> state = average.stateDict();
   * average.network().save(new File("average.zip"));
   *
   * MultiLayerNetwork saved = MultiLayerNetwork.load(new File("average.zip"), false);
   * AveragedModel<MultiLayerNetwork> restored = AveragedModel.of(net, Averaging.ema(0.999));
   * restored.loadStateDict(state, saved.params());
   * }</pre>
   *
   * @param state what {@link #stateDict} returned, as it is or from JSON
   * @param params the parameters of the averaged network then, {@code network().params()}
   * @throws MalformedDataException if an entry is missing, unknown or of the wrong type, or if the
   *     state is that of another averaging; nothing is changed
   * @throws IllegalArgumentException if the parameters are of another number or type, or not
   *     finite; nothing is changed
   * @throws IllegalStateException within {@link #during}
   */
  public void loadStateDict(Map<String, ?> state, INDArray params) {
    loadStateDict(state, params, List.of());
  }

  /**
   * Takes up an average that was saved, of the last models.
   *
   * @param state what {@link #stateDict} returned, as it is or from JSON
   * @param params the parameters of the averaged network then, {@code network().params()}
   * @param lastModels what {@link #lastModels()} returned then
   * @throws MalformedDataException if an entry is missing, unknown or of the wrong type, if the
   *     state is that of another averaging, or if there are not as many last models as it has;
   *     nothing is changed
   * @throws IllegalArgumentException if parameters are of another number or type, or not finite;
   *     nothing is changed
   * @throws IllegalStateException within {@link #during}
   */
  public void loadStateDict(Map<String, ?> state, INDArray params, List<INDArray> lastModels) {
    Require.requireGiven("state", state);
    Require.requireGiven("params", params);
    Require.requireGiven("lastModels", lastModels);
    requireInPlace("restored");
    Entries entries = new Entries(state);
    long count = entries.count(N_AVERAGED, MOST_AVERAGED);
    if (averaging.function() == null || entries.has(AVERAGING)) {
      Averaging saved = Averaging.fromMap(entries.map(AVERAGING));
      if (!saved.equals(averaging)) {
        throw new MalformedDataException(
            "the state must be of " + averaging + " but is of " + saved);
      }
    }
    entries.refuseUnknown();
    int held = last == null ? 0 : last.held(count);
    if (lastModels.size() != held) {
      throw new MalformedDataException(
          "lastModels must be "
              + held
              + " for "
              + averaging
              + " of "
              + count
              + " but were "
              + lastModels.size());
    }
    requireFitting("params", params);
    lastModels.forEach(model -> requireFitting("lastModels", model));
    if (averaged.count() > 0) {
      averaged.all().assign(params.reshape(params.length()));
    }
    if (last != null) {
      last.restore(count, lastModels);
    }
    nAveraged = count;
  }

  private void requireFitting(String name, INDArray params) {
    if (params.length() != averaged.count()
        || (averaged.count() > 0 && params.dataType() != averaged.type())) {
      throw new IllegalArgumentException(
          name
              + " must be "
              + averaged.count()
              + " of type "
              + averaged.type()
              + " but were "
              + params.length()
              + " of type "
              + params.dataType());
    }
    if (averaged.count() > 0) {
      Weights.requireFinite(name, params);
    }
  }
}
