package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.internal.Decay;
import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.OptimizerState;
import io.github.dl4jtorch.adapter.optim.TorchAdafactor;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.files.DType;
import io.github.dl4jtorch.files.Dict;
import io.github.dl4jtorch.files.TorchTensor;
import io.github.dl4jtorch.files.Tuple;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.config.IUpdater;

/** Moves what PyTorch's optimizer keeps for each parameter into the updaters of a network. */
final class OptimizerPart {

  /** Up to here an updater's state counts. */
  private static final long MOST_STEPS = (1L << 30) - 1;

  private static final String STEP = "step";
  private static final String MU_PRODUCT = "mu_product";
  private static final String ETA = "eta";
  private static final String MU = "mu";

  /** ASGD's average, of which the updater keeps how far it is ahead of the parameters. */
  private static final String AVERAGE = "ax";

  /** Kept by PyTorch for every parameter, and once for a block here; mu goes by the step. */
  private static final Set<String> COUNTS = Set.of(STEP, MU_PRODUCT, ETA, MU);

  private final LiveNetwork net;
  private final UpdaterBlocks blocks;
  private final long[] offsets;
  private final Matching matching;
  private final GroupMap groups;

  OptimizerPart(LiveNetwork net, UpdaterBlocks blocks, Matching matching, GroupMap groups) {
    this.net = net;
    this.blocks = blocks;
    this.offsets = blocks.offsets();
    this.matching = matching;
    this.groups = groups;
  }

  /** Parameters that DL4J updates together. */
  private static final class Block {
    final int number;
    final IUpdater updater;
    final long start;
    final List<Twin> twins = new ArrayList<>();
    long length;

    Block(int number, IUpdater updater, long start) {
      this.number = number;
      this.updater = updater;
      this.start = start;
    }

    INDArray slice(INDArray array, Twin twin) {
      long from = twin.offset() - start;
      return array.get(NDArrayIndex.interval(from, from + twin.own().length()));
    }
  }

  private List<Block> blocks(HandoverReport.Draft report) {
    Map<Long, Twin> byOffset = new HashMap<>();
    matching.twins().forEach(twin -> byOffset.put(twin.offset(), twin));
    List<Block> found = new ArrayList<>();
    for (int i = 0; i < offsets.length; i++) {
      UpdaterBlocks.Param param = blocks.params().get(i);
      if (!param.hasRate()) {
        continue;
      }
      Block last = found.isEmpty() ? null : found.get(found.size() - 1);
      if (last == null || last.number != param.block()) {
        last = new Block(param.block(), FrozenUpdater.unfrozen(param.updater()), offsets[i]);
        found.add(last);
      }
      Twin twin = byOffset.get(offsets[i]);
      if (twin == null) {
        report.misfits.add(param + " has no twin in PyTorch");
        return List.of();
      }
      last.twins.add(twin);
      last.length += twin.own().length();
    }
    return found;
  }

  /**
   * Reads what fits, and writes into the report what does and what does not.
   *
   * @param weights what is to become of the parameters
   */
  List<TorchWeights.Write> plan(
      List<Map<?, ?>> torchGroups,
      Map<?, ?> torchState,
      List<TorchWeights.Write> weights,
      HandoverReport.Draft report) {
    Map<Matching.Entry, @Nullable Object> states = new HashMap<>();
    Set<String> unknown = new TreeSet<>();
    torchState.keySet().forEach(key -> unknown.add(String.valueOf(key)));
    for (int i = 0; i < groups.groups().size(); i++) {
      List<Matching.Entry> entries = groups.groups().get(i).entries();
      List<?> ids = Entries.list("params", torchGroups.get(i).get("params"));
      for (int k = 0; k < Math.min(ids.size(), entries.size()); k++) {
        Object id = ids.get(k);
        states.put(entries.get(k), torchState.get(id));
        unknown.remove(String.valueOf(id));
      }
    }
    unknown.forEach(id -> report.leftOver.add("the optimizer's state of parameter " + id));
    List<TorchWeights.Write> writes = new ArrayList<>();
    for (Block block : blocks(report)) {
      plan(block, states, weights, writes, report);
    }
    return writes;
  }

  private void plan(
      Block block,
      Map<Matching.Entry, @Nullable Object> states,
      List<TorchWeights.Write> weights,
      List<TorchWeights.Write> writes,
      HandoverReport.Draft report) {
    if (block.updater instanceof TorchAdafactor) {
      report.misfits.add(notHandedOver(block));
      return;
    }
    INDArray view = blocks.blockState(block.number);
    List<String> names =
        block.updater instanceof TorchUpdater torch ? OptimizerState.names(torch) : List.of();
    if (!(block.updater instanceof TorchUpdater) && block.updater.stateSize(1) > 0) {
      report.misfits.add(
          block.twins.get(0)
              + " has "
              + block.updater.getClass().getSimpleName()
              + " of DL4J, whose state is not PyTorch's: give it an updater of adapter.optim");
      return;
    }
    OptimizerState present =
        block.updater instanceof TorchUpdater torch
            ? OptimizerState.read(torch, view, block.length)
            : new OptimizerState(Map.of(), 0, 0);
    long step = -1;
    double muProduct = present.muProduct();
    boolean isFresh = false;
    for (Twin twin : block.twins) {
      List<Map<?, ?>> of = new ArrayList<>();
      List<Matching.Entry> entries = matching.entries(twin);
      boolean isHanded = !entries.isEmpty() && entries.stream().allMatch(states::containsKey);
      if (!isHanded) {
        continue; // It is in none of PyTorch's groups, so it stays.
      }
      for (Matching.Entry entry : entries) {
        Map<?, ?> state = state(entry, states.get(entry), names, report);
        if (!state.isEmpty()) {
          of.add(state);
        }
      }
      for (String name : names) {
        INDArray place = block.slice(Objects.requireNonNull(present.arrays().get(name)), twin);
        INDArray moment = moment(twin, entries, of, name, report);
        place.assign(moment == null ? place.mul(0) : moment);
        if (moment != null && name.equals(AVERAGE)) {
          place.subi(present(twin, weights));
        }
      }
      if (of.isEmpty()) {
        isFresh = true;
        continue;
      }
      for (Map<?, ?> state : of) {
        String name = entries.get(0).name();
        long count =
            state.get(STEP) == null
                ? names.isEmpty() ? 0 : 1
                : Entries.count(name + ".step", state.get(STEP), MOST_STEPS);
        if (step >= 0 && count != step) {
          report.misfits.add(
              "the optimizer has made "
                  + count
                  + " steps with "
                  + name
                  + " and "
                  + step
                  + " with others that DL4J updates together with it");
        }
        step = count;
        if (state.get(MU_PRODUCT) != null) {
          muProduct = Entries.number(name + ".mu_product", state.get(MU_PRODUCT));
        }
        if (state.get(ETA) != null) {
          muProduct = Entries.number(name + ".eta", state.get(ETA));
        }
      }
      report.applied.add("the optimizer's " + String.join(", ", names) + " -> " + twin);
    }
    if (!(block.updater instanceof TorchUpdater torch)) {
      return;
    }
    if (isFresh && step > 0 && OptimizerState.counts(torch)) {
      report.misfits.add(
          "the optimizer has made no step with some of the parameters that DL4J updates together"
              + " with "
              + block.twins.get(0));
      return;
    }
    if (view != null) {
      long steps = step >= 0 ? step : isFresh ? 0 : present.step();
      INDArray state =
          new OptimizerState(present.arrays(), steps, muProduct).toState(torch, view, block.length);
      writes.add(new TorchWeights.Write(view, Objects.requireNonNull(state)));
    }
  }

  private static String notHandedOver(Block block) {
    return block.twins.get(0)
        + " has a TorchAdafactor, whose state is not handed over: begin with a new one";
  }

  /** Returns a parameter as it will be, one number after the other. */
  private static INDArray present(Twin twin, List<TorchWeights.Write> weights) {
    INDArray value = twin.own();
    for (TorchWeights.Write write : weights) {
      if (write.target().offset() == twin.own().offset()) {
        value = write.value();
      }
    }
    char order = twin.own().ordering();
    return value.dup(order).reshape(order, new long[] {value.length()});
  }

  /** Reads the state of a tensor; empty if there is none yet. */
  private static Map<?, ?> state(
      Matching.Entry entry,
      @Nullable Object given,
      List<String> names,
      HandoverReport.Draft report) {
    if (given == null) {
      return Map.of();
    }
    Map<String, Object> state = new LinkedHashMap<>();
    Entries.map("the optimizer's state of " + entry.name(), given)
        .forEach(
            (key, value) -> {
              if (value != null) { // As SGD's momentum_buffer may be.
                state.put(String.valueOf(key), value);
              }
            });
    for (String name : state.keySet()) {
      if (!names.contains(name) && !COUNTS.contains(name)) {
        report.leftOver.add("the optimizer's " + name + " of " + entry.name());
      }
    }
    return state;
  }

  private static @Nullable INDArray moment(
      Twin twin,
      List<Matching.Entry> entries,
      List<Map<?, ?>> states,
      String name,
      HandoverReport.Draft report) {
    if (states.size() < entries.size()) {
      if (!states.isEmpty()) {
        report.missing.add("the optimizer's state of one of the tensors of " + twin);
      }
      return null;
    }
    List<INDArray> tensors = new ArrayList<>();
    for (int i = 0; i < states.size(); i++) {
      String of = "the optimizer's " + name + " of " + entries.get(i).name();
      if (!(states.get(i).get(name) instanceof TorchTensor tensor)) {
        report.missing.add(of);
        return null;
      }
      String complaint = Tensors.complaint(tensor, twin.shape());
      if (complaint == null) {
        INDArray array = Tensors.array(tensor, twin.own().dataType());
        if (Tensors.isFinite(array)) {
          tensors.add(array);
          continue;
        }
        complaint = "has numbers that are NaN or infinite";
      }
      report.misfits.add(of + " " + complaint);
      return null;
    }
    INDArray moment = twin.momentToOwn(tensors);
    char order = twin.own().ordering();
    return moment.dup(order).reshape(order, new long[] {moment.length()});
  }

  /**
   * Compares the settings of the updaters with those of the file.
   *
   * @param iteration the network's count of iterations that goes with the file
   * @param epoch its count of epochs
   */
  void compareSettings(
      List<Map<?, ?>> torchGroups, int iteration, int epoch, HandoverReport.Draft report) {
    Map<Long, UpdaterBlocks.Param> byOffset = new HashMap<>();
    for (int i = 0; i < offsets.length; i++) {
      byOffset.put(offsets[i], blocks.params().get(i));
    }
    for (int i = 0; i < groups.groups().size(); i++) {
      Map<?, ?> torch = torchGroups.get(i);
      String name = "param_groups[" + i + "].";
      Set<String> unlike = new TreeSet<>();
      for (Matching.Entry entry : groups.groups().get(i).entries()) {
        UpdaterBlocks.Param param = byOffset.get(entry.twin().offset());
        if (param == null || !param.hasRate()) {
          continue;
        }
        IUpdater updater = FrozenUpdater.unfrozen(param.updater());
        boolean isPushed = groups.groups().get(i).own() >= 0;
        if (updater instanceof TorchUpdater own) {
          compareSettings(torch, own, isPushed, iteration, epoch, unlike);
          compare("maximize", torch.get("maximize"), own.maximizes(), unlike);
        }
        if (!isPushed) {
          double rate = updater.getLearningRate(iteration, epoch);
          double factor = entry.twin().isSummed() ? TorchGroups.TWICE : 1;
          compare("lr", torch.get("lr"), rate / factor, unlike);
          compare("weight_decay", torch.get("weight_decay"), factor * decay(param), unlike);
        }
      }
      unlike.forEach(setting -> report.misfits.add(name + setting));
    }
  }

  private static void compareSettings(
      Map<?, ?> torch,
      TorchUpdater own,
      boolean isPushed,
      int iteration,
      int epoch,
      Set<String> unlike) {
    Map<String, Object> settings = new LinkedHashMap<>(OptimizerState.settings(own));
    List<?> betas = torch.get("betas") instanceof List<?> list ? list : List.of();
    if (betas.size() == 2) {
      compare("betas[1]", betas.get(1), settings.get("beta2"), unlike);
    }
    double momentum = own.momentum(iteration, epoch);
    if (!isPushed && !Double.isNaN(momentum)) {
      Object theirs = betas.size() == 2 ? betas.get(0) : torch.get("momentum");
      compare(betas.size() == 2 ? "betas[0]" : "momentum", theirs, momentum, unlike);
    }
    settings.keySet().removeAll(Set.of("momentum", "beta1", "beta2", "maximize"));
    settings.forEach((key, value) -> compare(key, torch.get(key), value, unlike));
  }

  private static void compare(
      String key, @Nullable Object theirs, @Nullable Object own, Set<String> unlike) {
    // What is not said by one is not compared.
    boolean isSame = theirs == null || own == null || own instanceof String || theirs.equals(own);
    if (theirs instanceof Number number && own instanceof Number ours) {
      double expected = number.doubleValue();
      double off = Math.abs(expected - ours.doubleValue());
      isSame = off <= 1e-9 * Math.max(Math.abs(expected), 1e-12);
    } else if (theirs instanceof List<?> list && own instanceof List<?> ours) {
      isSame = numbers(list).equals(numbers(ours));
    }
    if (!isSame) {
      unlike.add(key + " is " + theirs + " in the file and " + own + " here");
    }
  }

  /** Python has whole numbers among others. */
  private static List<@Nullable Object> numbers(List<?> list) {
    List<@Nullable Object> numbers = new ArrayList<>();
    list.forEach(
        value -> numbers.add(value instanceof Number number ? number.doubleValue() : value));
    return numbers;
  }

  /** Returns PyTorch's decay of a parameter, of which a sum at the double rate has half. */
  private double torchDecay(Twin twin, UpdaterBlocks.Param param) {
    return twin.isSummed() ? TorchGroups.TWICE * decay(param) : decay(param);
  }

  /** Returns the decay that DL4J applies to a parameter. */
  private double decay(UpdaterBlocks.Param param) {
    return Decay.of(
        param.config().getRegularizationByParam(param.name()),
        net.iterationCount(),
        net.epochCount());
  }

  /**
   * Returns the optimizer's state in PyTorch's form, that of a file that was read if there is one.
   */
  Dict toTorch(@Nullable Map<?, ?> like, List<Map<String, Object>> ownGroups) {
    HandoverReport.Draft report = new HandoverReport.Draft();
    Map<Twin, OptimizerState> stateOf = new HashMap<>();
    Map<Twin, Block> blockOf = new HashMap<>();
    for (Block block : blocks(report)) {
      if (block.updater instanceof TorchAdafactor) {
        report.misfits.add(notHandedOver(block));
        continue;
      }
      if (!(block.updater instanceof TorchUpdater torch)) {
        if (block.updater.stateSize(1) > 0) {
          report.misfits.add(
              block.twins.get(0)
                  + " has "
                  + block.updater.getClass().getSimpleName()
                  + " of DL4J, whose state is not PyTorch's");
        }
        continue;
      }
      OptimizerState state =
          OptimizerState.read(torch, blocks.blockState(block.number), block.length);
      for (Twin twin : block.twins) {
        stateOf.put(twin, state);
        blockOf.put(twin, block);
      }
    }
    if (!report.misfits.isEmpty()) {
      throw new HandoverException(report.done());
    }
    List<Map<?, ?>> likeGroups =
        like == null ? List.of() : Entries.maps("param_groups", like.get("param_groups"));
    Map<?, ?> likeState = like == null ? Map.of() : Entries.map("state", like.get("state"));
    Map<Object, Object> states = new LinkedHashMap<>();
    List<Object> torchGroups = new ArrayList<>();
    long next = 0;
    for (int i = 0; i < groups.groups().size(); i++) {
      GroupMap.Group group = groups.groups().get(i);
      Map<Object, @Nullable Object> torch = new LinkedHashMap<>();
      List<Object> ids = new ArrayList<>();
      if (like != null) {
        torch.putAll(likeGroups.get(i));
        ids.addAll(Entries.list("params", likeGroups.get(i).get("params")));
      }
      for (int k = 0; k < group.entries().size(); k++) {
        Matching.Entry entry = group.entries().get(k);
        Object id = like == null ? (Object) next++ : ids.get(k);
        if (like == null) {
          ids.add(id);
        }
        OptimizerState state = stateOf.get(entry.twin());
        Block block = blockOf.get(entry.twin());
        if (state != null && block != null) {
          Map<Object, @Nullable Object> written = state(entry, state, block, likeState.get(id));
          if (!written.isEmpty()) {
            states.put(id, written);
          }
        }
      }
      settings(torch, group, ownGroups, like == null);
      torch.put("params", ids);
      torchGroups.add(torch);
    }
    Map<Object, Object> optimizer = new LinkedHashMap<>();
    optimizer.put("state", states);
    optimizer.put("param_groups", torchGroups);
    return plain(optimizer);
  }

  private Map<Object, @Nullable Object> state(
      Matching.Entry entry, OptimizerState state, Block block, @Nullable Object like) {
    Map<Object, @Nullable Object> written = new LinkedHashMap<>();
    if (like instanceof Map<?, ?> map) {
      written.putAll(map);
    }
    TorchUpdater updater = (TorchUpdater) block.updater;
    boolean keepsStep =
        !OptimizerState.names(updater).contains("momentum_buffer") || written.containsKey(STEP);
    if (keepsStep && !state.arrays().isEmpty()) {
      long step = OptimizerState.counts(updater) ? state.step() : net.iterationCount();
      written.put(STEP, scalar(written.get(STEP), (double) step));
    }
    if (OptimizerState.settings(updater).containsKey("momentum_decay")) {
      written.put(MU_PRODUCT, scalar(written.get(MU_PRODUCT), state.muProduct()));
    }
    if (OptimizerState.settings(updater).get("t0") instanceof Double t0) {
      written.put(ETA, scalar(written.get(ETA), state.muProduct()));
      written.put(MU, scalar(written.get(MU), 1 / Math.max(1, state.step() - t0)));
    }
    for (Map.Entry<String, INDArray> array : state.arrays().entrySet()) {
      char order = entry.twin().own().ordering();
      INDArray own =
          block
              .slice(array.getValue(), entry.twin())
              .dup('c')
              .reshape(order, entry.twin().own().shape());
      if (array.getKey().equals(AVERAGE)) {
        own.addi(entry.twin().own());
      }
      written.put(
          array.getKey(),
          Tensors.tensor(
              entry.twin().layout().toTorch(own, entry.twin().shape()), entry.twin().shape()));
    }
    return written;
  }

  /** Writes a count as a file had it: a number, or a tensor of some kind. */
  private static Object scalar(@Nullable Object like, double value) {
    if (like instanceof Long) {
      return (long) value;
    }
    if (like instanceof Double) {
      return value;
    }
    return like instanceof TorchTensor tensor && tensor.dtype() == DType.FLOAT64
        ? TorchTensor.of(new double[] {value})
        : TorchTensor.of(new float[] {(float) value});
  }

  private void settings(
      Map<Object, @Nullable Object> torch,
      GroupMap.Group group,
      List<Map<String, Object>> ownGroups,
      boolean isNew) {
    Matching.Entry first = group.entries().get(0);
    UpdaterBlocks.Param param = param(first.twin());
    IUpdater updater = FrozenUpdater.unfrozen(param.updater());
    if (isNew) {
      torch.put("lr", 0.0);
      if (updater instanceof TorchUpdater own) {
        Map<String, Object> settings = new LinkedHashMap<>(OptimizerState.settings(own));
        if (settings.remove("beta2") instanceof Double beta2) {
          torch.put("betas", Tuple.of(0.0, beta2));
          settings.remove("beta1");
        }
        settings.remove("initial_accumulator_value");
        settings.remove("hasBuffer");
        settings.replaceAll(
            (name, value) -> value instanceof List<?> list ? Tuple.of(list.toArray()) : value);
        torch.putAll(settings);
        if (own instanceof TorchAdamW) {
          torch.put("decoupled_weight_decay", true);
        }
      }
      torch.put("weight_decay", torchDecay(first.twin(), param));
      torch.put("maximize", updater instanceof TorchUpdater own && own.maximizes());
      torch.put("foreach", null);
      torch.put("capturable", false);
      torch.put("differentiable", false);
    }
    Map<String, Object> present = new LinkedHashMap<>();
    if (group.own() >= 0) {
      present.putAll(ownGroups.get(group.own()));
    } else {
      int iteration = net.iterationCount();
      int epoch = net.epochCount();
      int factor = first.twin().isSummed() ? TorchGroups.TWICE : 1;
      present.put("lr", updater.getLearningRate(iteration, epoch) / factor);
      if (updater instanceof TorchUpdater own && !Double.isNaN(own.momentum(iteration, epoch))) {
        present.put("momentum", own.momentum(iteration, epoch));
      }
    }
    Object betas = torch.get("betas");
    if (betas instanceof List<?> two && two.size() == 2) {
      Object beta1 =
          present.get("betas") instanceof List<?> own ? own.get(0) : present.get("momentum");
      torch.put("betas", Tuple.of(beta1 == null ? two.get(0) : beta1, two.get(1)));
      present.remove("momentum");
    }
    if (group.own() >= 0) {
      present.put("weight_decay", torchDecay(first.twin(), param));
    }
    present.remove("betas");
    present.remove("highest_lr");
    torch.putAll(present);
  }

  private UpdaterBlocks.Param param(Twin twin) {
    for (int i = 0; i < offsets.length; i++) {
      if (offsets[i] == twin.offset()) {
        return blocks.params().get(i);
      }
    }
    throw new IllegalStateException(twin + " has no updater");
  }

  /** Makes a plain dict of a map. */
  private static Dict plain(Map<?, ?> map) {
    return Dict.ordered(map);
  }
}
