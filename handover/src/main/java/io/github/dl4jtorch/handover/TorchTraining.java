package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.NetworkUpdater;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchFile;
import io.github.dl4jtorch.files.TorchFileException;
import io.github.dl4jtorch.files.TorchTensor;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.swa.AveragedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * A whole training that PyTorch began, as its scripts save it: model, optimizer, scheduler, average
 * and epoch in one dict. One call takes it over, and the training goes on here with PyTorch's next
 * step; another gives it back.
 *
 * <p>The entries are found under their usual names, like {@code model}, {@code state_dict} or
 * {@code model_state_dict}. The optimizer's state goes into the updaters of {@code adapter.optim}.
 * The network's counts are set too, so that pulled schedules stand where they should: the epoch is
 * the file's plus 1, since scripts save the number of the epoch that has just ended.
 *
 * <p>First everything is read and compared, settings like {@code weight_decay} and {@code nesterov}
 * included; then everything is written. If something does not fit, a {@link HandoverException} says
 * what, and the network, its updaters, runs and averages are as they were.
 *
 * <pre>{@code
 * LRScheduler run =
 *     OneCycleLR.builder(0.2).totalSteps(96).build().attach(NetworkParamGroups.of(net));
 * HandoverReport report =
 *     TorchTraining.of(net).with(run).batchesPerEpoch(24).load(Path.of("half.pt"));
 * net.addListeners(SchedulerListener.everyIteration(run));
 * }</pre>
 */
public final class TorchTraining {

  /** Up to here a double counts, and nobody trains for so long. */
  private static final long MOST_AVERAGED = 1L << 53;

  private final NeuralNetwork net;
  private final LiveNetwork live;
  private TorchWeights weights;
  private @Nullable NetworkParamGroups groups;
  private final List<Predicate<NetworkParam>> selections = new ArrayList<>();
  private final Map<List<String>, LRScheduler> runs = new LinkedHashMap<>();
  private @Nullable AveragedModel<?> average;
  private int batchesPerEpoch;
  private boolean isNextEpoch;
  private long batchesSeen = -1;

  private TorchTraining(NeuralNetwork net) {
    this.net = net;
    this.live = LiveNetwork.of(net, "a training is handed over");
    this.weights = TorchWeights.of(net);
  }

  /**
   * Takes a network whose layers or vertices are named as PyTorch's modules.
   *
   * @param net the network, initialised
   * @return its training, still without runs and average
   * @throws IllegalStateException if the network is not initialised
   */
  public static TorchTraining of(NeuralNetwork net) {
    return new TorchTraining(net);
  }

  /**
   * Finds the modules by a function.
   *
   * @param moduleOf the name of the module for the name of a layer or vertex
   * @return this
   * @see TorchWeights#named(UnaryOperator)
   */
  public TorchTraining named(UnaryOperator<String> moduleOf) {
    weights = weights.named(moduleOf);
    return this;
  }

  /**
   * Takes modules and layers in their order, whatever their names.
   *
   * @return this
   * @see TorchWeights#inOrder()
   */
  public TorchTraining inOrder() {
    weights = weights.inOrder();
    return this;
  }

  /**
   * Takes over what fits even if something does not.
   *
   * @return this
   */
  public TorchTraining partial() {
    weights = weights.partial();
    return this;
  }

  /**
   * Hands over PyTorch's param groups. Not needed for the groups of a run.
   *
   * @param groups the groups of the network, in PyTorch's order; {@link TorchGroups} has some more
   * @return this
   * @throws IllegalArgumentException if they are those of another network
   */
  public TorchTraining with(NetworkParamGroups groups) {
    if (groups.network() != net) {
      throw new IllegalArgumentException("groups must be of this network but were of another");
    }
    this.groups = groups;
    return this;
  }

  /**
   * Says which parameters each of PyTorch's param groups has, where a network's rates are pulled
   * and the file has several groups without {@code param_names}.
   *
   * @param groups which parameters each group has, in PyTorch's order
   * @return this
   */
  @SafeVarargs
  @SuppressWarnings("varargs") // The array is only read.
  public final TorchTraining groupedBy(Predicate<NetworkParam>... groups) {
    selections.clear();
    selections.addAll(List.of(groups));
    return this;
  }

  /**
   * Hands over a scheduler, under {@code scheduler}, {@code lr_scheduler} or another usual name.
   *
   * @param run a run over the param groups of the network, of the same definition as PyTorch's
   * @return this
   * @throws IllegalArgumentException if its groups are those of another network
   */
  public TorchTraining with(LRScheduler run) {
    return with(UsualKeys.SCHEDULER, run);
  }

  /**
   * Hands over a scheduler under a name of its own.
   *
   * @param key the key in the file, for example {@code swa_scheduler}
   * @param run a run over the param groups of the network, of the same definition as PyTorch's
   * @return this
   * @throws IllegalArgumentException if its groups are those of another network
   */
  public TorchTraining with(String key, LRScheduler run) {
    return with(List.of(key), run);
  }

  private TorchTraining with(List<String> keys, LRScheduler run) {
    if (run.paramGroups() instanceof NetworkParamGroups own) {
      if (groups == null || groups.network() != own.network()) {
        with(own.all());
      }
    } else {
      throw new IllegalArgumentException(
          "run must be attached to the param groups of the network but was to others");
    }
    runs.put(keys, run);
    return this;
  }

  /**
   * Hands over an average, under {@code averaged_model}, {@code ema} or another usual name.
   *
   * @param average the average of the network
   * @return this
   */
  public TorchTraining with(AveragedModel<?> average) {
    this.average = average;
    return this;
  }

  /**
   * Says how many batches an epoch has, by which the count of iterations is set. Otherwise it is
   * the optimizer's count of steps, where that keeps one.
   *
   * @param batches how many iterations an epoch of the network has, {@code > 0}
   * @return this
   * @throws IllegalArgumentException if the number is out of its range
   */
  public TorchTraining batchesPerEpoch(int batches) {
    if (batches <= 0) {
      throw new IllegalArgumentException("batches must be > 0 but was " + batches);
    }
    batchesPerEpoch = batches;
    return this;
  }

  /**
   * Says how many batches the network has seen, where that is another number than its count of
   * iterations, as with accumulated gradients. PyTorch's batch normalizations count them.
   *
   * @param batches what {@code num_batches_tracked} is to be in what is written, {@code >= 0}
   * @return this
   * @throws IllegalArgumentException if the number is out of its range
   */
  public TorchTraining countingBatches(long batches) {
    if (batches < 0) {
      throw new IllegalArgumentException("batches must be >= 0 but was " + batches);
    }
    batchesSeen = batches;
    return this;
  }

  /**
   * Says that the file's epoch is the next one, as in scripts that save {@code epoch + 1}.
   *
   * @return this
   */
  public TorchTraining epochIsNext() {
    isNextEpoch = true;
    return this;
  }

  /**
   * Takes a training over.
   *
   * @param file a {@code .pt} or {@code .pth} file, or a {@code .safetensors} file of weights alone
   * @return what was taken over
   * @throws TorchFileException if the file cannot be read; nothing is changed
   * @throws HandoverException if it does not fit; nothing is changed
   */
  public HandoverReport load(Path file) throws TorchFileException {
    Map<?, ?> checkpoint = TorchWeights.read(file);
    try {
      return load(checkpoint);
    } catch (HandoverException refused) {
      throw refused.in(file);
    }
  }

  /**
   * Takes a training over.
   *
   * @param checkpoint what a script saved, or a state dict alone
   * @return what was taken over
   * @throws HandoverException if it does not fit; nothing is changed
   */
  public HandoverReport load(Map<?, ?> checkpoint) {
    boolean isUntrained = NetworkUpdater.isUntrained(live.model());
    boolean isDone = false;
    try {
      HandoverReport report = take(checkpoint);
      isDone = true;
      return report;
    } catch (HandoverException refused) {
      throw refused;
    } catch (RuntimeException refused) {
      throw new HandoverException(String.valueOf(refused.getMessage()), null, refused);
    } finally {
      if (isUntrained && !isDone && groups == null) {
        NetworkUpdater.discard(live.model());
      }
    }
  }

  private HandoverReport take(Map<?, ?> checkpoint) {
    HandoverReport.Draft draft = new HandoverReport.Draft();
    boolean isStateDict = UsualKeys.isStateDict(checkpoint);
    Map<?, ?> model = isStateDict ? checkpoint : UsualKeys.model(checkpoint);
    Map<?, ?> rest = isStateDict ? Map.of() : checkpoint;
    Matching matching = weights.match(model, draft);
    List<TorchWeights.Write> writes = new ArrayList<>(weights.plan(model, matching, draft));

    Object epoch = UsualKeys.find(rest, UsualKeys.EPOCH);
    int epochs = live.epochCount();
    if (epoch != null) {
      long most = Integer.MAX_VALUE - 1;
      epochs = (int) Entries.count("epoch", epoch, most) + (isNextEpoch ? 0 : 1);
    }

    Map<?, ?> optimizer = UsualKeys.single("optimizer", UsualKeys.find(rest, UsualKeys.OPTIMIZER));
    GroupMap map = null;
    List<Map<?, ?>> torchGroups = List.of();
    int iterations = live.iterationCount();
    if (optimizer != null) {
      torchGroups = Entries.maps("param_groups", optimizer.get("param_groups"));
      Map<?, ?> state = Entries.map("state", optimizer.get("state"));
      map = GroupMap.of(torchGroups, source(matching), draft);
      iterations = iterations(state, epoch == null ? -1 : epochs);
      if (map.groups().size() == torchGroups.size() && draft.misfits.isEmpty()) {
        OptimizerPart part =
            new OptimizerPart(live, new UpdaterBlocks(live.model()), matching, map);
        writes.addAll(part.plan(torchGroups, state, List.copyOf(writes), draft));
        part.compareSettings(torchGroups, iterations, epochs, draft);
      }
    } else if (!rest.isEmpty()) {
      draft.missing.add("an optimizer");
    }
    if (epoch != null && batchesPerEpoch > 0) {
      iterations = Math.multiplyExact(epochs, batchesPerEpoch);
    }
    draft.notes.add("the network is at iteration " + iterations + " and epoch " + epochs);

    if (isStateDict) {
      draft.notes.add("the file has weights alone");
    }
    AveragedModel<?> averaged = isStateDict ? null : average;
    Average found = averaged == null ? null : average(averaged, rest, draft);
    if (average == null && UsualKeys.find(rest, UsualKeys.AVERAGE) != null) {
      draft.notes.add("the file has an average, which was not asked for");
    }
    Map<List<String>, Map<?, ?>> schedules = isStateDict ? Map.of() : schedules(rest, draft);

    HandoverReport report = draft.done();
    if (!report.fits() && !weights.isPartial()) {
      throw new HandoverException(report);
    }
    boolean takesGroups = map != null && map.groups().size() == torchGroups.size();
    if (map != null && takesGroups) {
      loadGroups(map, torchGroups, schedules);
    }
    // From here on nothing can fail.
    writes.forEach(TorchWeights.Write::apply);
    if (averaged != null && found != null) {
      averaged.loadStateDict(found.state, found.params);
    }
    live.setIterationCount(iterations);
    live.setEpochCount(epochs);
    return report;
  }

  private GroupMap.Source source(Matching matching) {
    return new GroupMap.Source(net, matching, groups, selections);
  }

  private int iterations(Map<?, ?> state, int epochs) {
    if (epochs >= 0 && batchesPerEpoch > 0) {
      return Math.multiplyExact(epochs, batchesPerEpoch);
    }
    for (Object of : state.values()) {
      if (of instanceof Map<?, ?> map && map.get("step") != null) {
        return (int) Entries.count("step", map.get("step"), Integer.MAX_VALUE);
      }
    }
    return live.iterationCount();
  }

  private Map<List<String>, Map<?, ?>> schedules(Map<?, ?> rest, HandoverReport.Draft draft) {
    Map<List<String>, Map<?, ?>> schedules = new LinkedHashMap<>();
    runs.forEach(
        (keys, run) -> {
          Map<?, ?> state = UsualKeys.single(keys.get(0), UsualKeys.find(rest, keys));
          if (state == null) {
            draft.missing.add("a scheduler under " + String.join(" or ", keys));
          } else {
            schedules.put(keys, state);
            draft.applied.add(
                "the scheduler's state -> a run of " + run.schedule().getClass().getSimpleName());
          }
        });
    if (!runs.containsKey(UsualKeys.SCHEDULER)
        && UsualKeys.find(rest, UsualKeys.SCHEDULER) != null) {
      draft.notes.add("the file has a scheduler, which no run was given for");
    }
    return schedules;
  }

  /** Gives groups and runs their state, or leaves all as they were. */
  private void loadGroups(
      GroupMap map, List<Map<?, ?>> torchGroups, Map<List<String>, Map<?, ?>> schedules) {
    NetworkParamGroups own = groups;
    if (own == null) {
      return;
    }
    List<Map<String, Object>> former = own.stateDict();
    double[] formerDecays = new double[own.size()];
    Arrays.setAll(formerDecays, own::weightDecay);
    Map<LRScheduler, Map<String, Object>> formerRuns = new LinkedHashMap<>();
    try {
      List<Map<String, Object>> states = map.toOwn(torchGroups);
      own.loadStateDict(states);
      schedules.forEach(
          (keys, state) -> {
            LRScheduler run = Objects.requireNonNull(runs.get(keys));
            formerRuns.put(run, run.stateDict());
            run.loadStateDict(map.scheduleToOwn(state), states);
          });
      for (int i = 0; i < states.size(); i++) {
        setDecay(own, i, states.get(i).get("weight_decay"));
      }
    } catch (RuntimeException refused) {
      formerRuns.forEach((run, state) -> run.loadStateDict(state, former));
      own.loadStateDict(former);
      for (int i = 0; i < formerDecays.length; i++) {
        if (own.weightDecay(i) != formerDecays[i] && !Double.isNaN(formerDecays[i])) {
          own.setWeightDecay(i, formerDecays[i]);
        }
      }
      throw refused;
    }
  }

  private static void setDecay(NetworkParamGroups own, int group, @Nullable Object value) {
    if (value == null) {
      return;
    }
    double decay = Entries.number("weight_decay", value);
    double present = own.weightDecay(group);
    if (Double.isNaN(present)) {
      throw new HandoverException(
          "param group "
              + group
              + " must have one weight decay to be given that of the file, "
              + decay
              + ", but has several");
    }
    if (decay != present) {
      own.setWeightDecay(group, decay);
    }
  }

  /** What an average is to become. */
  private record Average(Map<String, Object> state, INDArray params) {}

  private @Nullable Average average(
      AveragedModel<?> averaged, Map<?, ?> rest, HandoverReport.Draft draft) {
    Map<?, ?> theirs = UsualKeys.single("average", UsualKeys.find(rest, UsualKeys.AVERAGE));
    if (theirs == null) {
      draft.missing.add("an average under one of " + UsualKeys.AVERAGE);
      return null;
    }
    TorchWeights own = weights.forNetwork(averaged.network());
    HandoverReport.Draft report = new HandoverReport.Draft();
    Matching matching = own.match(theirs, report);
    List<TorchWeights.Write> writes = own.plan(theirs, matching, report);
    report.missing.forEach(entry -> draft.missing.add("of the average " + entry));
    report.leftOver.forEach(entry -> draft.leftOver.add("of the average " + entry));
    report.misfits.forEach(entry -> draft.misfits.add("of the average " + entry));
    INDArray params = averaged.network().params().dup();
    long start = averaged.network().params().offset();
    for (TorchWeights.Write write : writes) {
      long from = write.target().offset() - start;
      char order = write.target().ordering();
      params
          .get(NDArrayIndex.interval(from, from + write.target().length()))
          .assign(write.value().dup(order).reshape(order, new long[] {write.target().length()}));
    }
    Map<String, Object> state = new LinkedHashMap<>(averaged.stateDict());
    Object count = theirs.get(Matching.N_AVERAGED);
    if (count != null) {
      state.put(Matching.N_AVERAGED, Entries.count("n_averaged", count, MOST_AVERAGED));
    } else if (averaged.nAveraged() == 0) {
      // An average without a count has begun, and must not be replaced by the next update.
      state.put(Matching.N_AVERAGED, 1L);
    }
    draft.applied.add("the average of " + state.get(Matching.N_AVERAGED) + " models");
    return new Average(state, params);
  }

  /**
   * Returns the training in the form of a dict that was read, with the present values: the same
   * keys, what is not handed over as it was.
   *
   * @param like what a script saved, all of which must fit
   * @return the dict, ready for {@code TorchFile.write}
   * @throws HandoverException if something does not fit
   */
  public Dict dict(Dict like) {
    Map<Object, @Nullable Object> dict = new LinkedHashMap<>(like);
    try {
      boolean isStateDict = UsualKeys.isStateDict(like);
      Dict model = (Dict) (isStateDict ? like : UsualKeys.model(like));
      Dict present = weights.stateDict(model, batchesSeen());
      if (isStateDict) {
        return present;
      }
      UsualKeys.put(dict, like, UsualKeys.MODEL, present);
      Matching matching = weights.match(model, new HandoverReport.Draft());
      Map<?, ?> optimizer =
          UsualKeys.single("optimizer", UsualKeys.find(like, UsualKeys.OPTIMIZER));
      GroupMap map = null;
      if (optimizer != null) {
        HandoverReport.Draft draft = new HandoverReport.Draft();
        map =
            GroupMap.of(
                Entries.maps("param_groups", optimizer.get("param_groups")),
                source(matching),
                draft);
        if (!draft.misfits.isEmpty()) {
          throw new HandoverException(draft.done());
        }
        UsualKeys.put(dict, like, UsualKeys.OPTIMIZER, optimizer(matching, map, optimizer));
      }
      for (Map.Entry<List<String>, LRScheduler> run : runs.entrySet()) {
        Map<?, ?> former =
            UsualKeys.single(run.getKey().get(0), UsualKeys.find(like, run.getKey()));
        if (former != null && map != null) {
          Map<Object, @Nullable Object> state = new LinkedHashMap<>(former);
          state.putAll(map.scheduleToTorch(run.getValue().stateDict()));
          UsualKeys.put(dict, like, run.getKey(), state);
        }
      }
      if (average != null && UsualKeys.find(like, UsualKeys.AVERAGE) instanceof Dict former) {
        UsualKeys.put(dict, like, UsualKeys.AVERAGE, average(average, former));
      }
      if (UsualKeys.find(like, UsualKeys.EPOCH) != null) {
        long ended = (long) live.epochCount() - (isNextEpoch ? 0 : 1);
        UsualKeys.put(dict, like, UsualKeys.EPOCH, ended);
      }
    } catch (HandoverException refused) {
      throw refused;
    } catch (RuntimeException refused) {
      throw new HandoverException(String.valueOf(refused.getMessage()), null, refused);
    }
    return Dict.ordered(dict).withAttributesOf(like);
  }

  private long batchesSeen() {
    return batchesSeen < 0 ? live.iterationCount() : batchesSeen;
  }

  private Dict optimizer(Matching matching, GroupMap map, @Nullable Map<?, ?> like) {
    List<Map<String, Object>> states = groups == null ? List.of() : groups.stateDict();
    return new OptimizerPart(live, new UpdaterBlocks(live.model()), matching, map)
        .toTorch(like, states);
  }

  private Dict average(AveragedModel<?> averaged, Dict former) {
    Dict present = weights.forNetwork(averaged.network()).stateDict(former, batchesSeen());
    Map<Object, @Nullable Object> dict = new LinkedHashMap<>(present);
    if (former.containsKey(Matching.N_AVERAGED)) {
      dict.put(Matching.N_AVERAGED, TorchTensor.of(new long[] {averaged.nAveraged()}));
    }
    return Dict.ordered(dict).withAttributesOf(former);
  }

  /**
   * Returns the training as PyTorch's scripts save it, under {@code epoch}, {@code model}, {@code
   * optimizer}, {@code scheduler} and {@code averaged_model}. Where a network has one bias for
   * PyTorch's two, the second is 0.
   *
   * @return the dict, ready for {@code TorchFile.write}
   * @throws HandoverException if a layer or updater has no twin in PyTorch
   */
  public Dict dict() {
    Map<Object, @Nullable Object> dict = new LinkedHashMap<>();
    dict.put("epoch", (long) live.epochCount() - (isNextEpoch ? 0 : 1));
    dict.put("model", weights.stateDict(batchesSeen()));
    Matching matching = weights.named();
    GroupMap map = GroupMap.ofOwn(source(matching));
    dict.put("optimizer", optimizer(matching, map, null));
    runs.forEach((keys, run) -> dict.put(keys.get(0), map.scheduleToTorch(run.stateDict())));
    if (average != null) {
      Map<Object, @Nullable Object> averaged = new LinkedHashMap<>();
      averaged.put(Matching.N_AVERAGED, TorchTensor.of(new long[] {average.nAveraged()}));
      weights
          .forNetwork(average.network())
          .stateDict(batchesSeen())
          .forEach((key, value) -> averaged.put("module." + key, value));
      dict.put("averaged_model", Dict.ordered(averaged));
    }
    return Dict.ordered(dict);
  }

  /**
   * Writes the training as PyTorch's scripts save it, so that {@code torch.load} reads it.
   *
   * @param file the file, which is replaced if it is there
   * @throws HandoverException if a layer or updater has no twin in PyTorch
   * @throws IOException if the file cannot be written
   */
  public void save(Path file) throws IOException {
    TorchFile.write(file, dict());
  }

  /**
   * Writes the training in the form of a file that was read.
   *
   * @param file the file, which is replaced if it is there
   * @param like what a script saved, all of which must fit
   * @throws HandoverException if something does not fit
   * @throws IOException if the file cannot be written
   */
  public void save(Path file, Dict like) throws IOException {
    TorchFile.write(file, dict(like));
  }
}
