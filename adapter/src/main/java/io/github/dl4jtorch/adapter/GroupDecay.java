package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.internal.Decay;
import io.github.dl4jtorch.adapter.internal.FrozenUpdater;
import io.github.dl4jtorch.adapter.internal.LayerSlots;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * The weight decay of one param group. It is kept where DL4J looks for it in every update, among
 * the regularization of the layers, and so goes wherever their configuration goes.
 */
final class GroupDecay {

  private final List<UpdaterBlocks.Param> params;
  private final int[] groups;
  private final int group;

  GroupDecay(List<UpdaterBlocks.Param> params, int[] groups, int group) {
    this.params = params;
    this.groups = groups;
    this.group = group;
  }

  /** Returns the decay of all parameters, NaN if they have not one in common. */
  double get(LiveNetwork net) {
    double decay = Double.NaN;
    for (UpdaterBlocks.Param param : members()) {
      double own =
          Decay.of(
              param.config().getRegularizationByParam(param.name()),
              net.iterationCount(),
              net.epochCount());
      if (!Double.isNaN(decay) && own != decay) {
        return Double.NaN;
      }
      decay = own;
    }
    return decay;
  }

  /** Sets the decay, about which there must be no complaint. */
  void set(double decay) {
    for (UpdaterBlocks.Param param : members()) {
      if (FrozenUpdater.unfrozen(param.updater()) instanceof TorchAdamW asking) {
        asking.decayIsSet();
      }
      LayerSlots layer = LayerSlots.of(param.config());
      int slot = layer == null ? -1 : layer.regularizationSlot(param.name());
      if (layer != null && slot >= 0) {
        LayerSlots.Slot place = layer.slots().get(slot);
        place.setRegularization().accept(with(decay, layer, param, place));
      }
    }
  }

  private static List<Regularization> with(
      double decay, LayerSlots layer, UpdaterBlocks.Param param, LayerSlots.Slot place) {
    boolean decouples = decouples(param);
    boolean isDecoupled = decouples || has(layer, WeightDecay.class);
    List<Regularization> present = place.regularization().get();
    List<Regularization> regularization =
        Decay.with(param.updater(), decay, isDecoupled).in(present);
    if (decay == 0 && isDecoupled && !decouples) {
      // Which tells what kind the decay is if it is set to another value later.
      regularization.add(new WeightDecay(0, true));
    }
    return regularization;
  }

  /** Says what keeps the parameters from having a decay, null if nothing does. */
  @Nullable String complaint(double decay) {
    for (UpdaterBlocks.Param param : members()) {
      LayerSlots layer = LayerSlots.of(param.config());
      int slot = layer == null ? -1 : layer.regularizationSlot(param.name());
      if (layer == null || slot < 0) {
        if (decay > 0) {
          return "DL4J decays no "
              + param
              + " of a "
              + param.config().getClass().getSimpleName()
              + (param.config().getClass() == BatchNormalization.class
                  ? "; take TorchBatchNormalization, or put it into a group of its own"
                  : "; put it into a group of its own");
        }
      } else {
        UpdaterBlocks.Param other = other(layer, slot, param);
        if (other != null) {
          return "DL4J has one weight decay for " + param + " and " + other;
        }
        if (decay > 0
            && !decouples(param)
            && has(layer, WeightDecay.class)
            && has(layer, L2Regularization.class)) {
          return param
              + " is of a layer with an L2Regularization and a WeightDecay, so it is not clear which"
              + " of the two it is to be; remove one";
        }
      }
    }
    return null;
  }

  /** Finds a parameter of another group that DL4J decays together with this one. */
  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private UpdaterBlocks.@Nullable Param other(
      LayerSlots layer, int slot, UpdaterBlocks.Param param) {
    for (int i = 0; i < groups.length; i++) {
      UpdaterBlocks.Param other = params.get(i);
      if (other.config() == param.config()
          && groups[i] != group
          && other.hasRate()
          && layer.regularizationSlot(other.name()) == slot) {
        return other;
      }
    }
    return null;
  }

  private static boolean decouples(UpdaterBlocks.Param param) {
    return FrozenUpdater.unfrozen(param.updater()) instanceof TorchUpdater torch
        && torch.decouplesWeightDecay();
  }

  private static boolean has(LayerSlots layer, Class<? extends Regularization> kind) {
    return layer.slots().stream().anyMatch(slot -> Decay.has(slot.regularization().get(), kind));
  }

  private List<UpdaterBlocks.Param> members() {
    List<UpdaterBlocks.Param> members = new ArrayList<>();
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] == group && params.get(i).hasRate()) {
        members.add(params.get(i));
      }
    }
    return members;
  }
}
