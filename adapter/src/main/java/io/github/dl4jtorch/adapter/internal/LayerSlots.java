package io.github.dl4jtorch.adapter.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.conf.layers.samediff.AbstractSameDiffLayer;
import org.deeplearning4j.nn.conf.layers.samediff.SameDiffVertex;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.learning.regularization.L2Regularization;
import org.nd4j.linalg.learning.regularization.Regularization;

/**
 * The places in a layer's configuration that hold an updater and the regularization beside it: one
 * for all, one for biases, and for the gain of a layer normalization one more if the layer is an
 * {@link OpenedDense}. A place without an updater goes by the first.
 *
 * @param config the layer or vertex as the network asks it
 * @param slots the places
 */
public record LayerSlots(TrainingConfig config, List<Slot> slots) {

  /** One place. */
  public record Slot(
      Supplier<@Nullable IUpdater> updater,
      Consumer<@Nullable IUpdater> setUpdater,
      Supplier<@Nullable List<Regularization>> regularization,
      Consumer<@Nullable List<Regularization>> setRegularization) {}

  /** Finds the slots of a layer or vertex, null if it is of a kind that DL4J does not have. */
  public static @Nullable LayerSlots of(TrainingConfig config) {
    List<Slot> slots = find(config);
    return slots.isEmpty() ? null : new LayerSlots(config, slots);
  }

  private static List<Slot> find(TrainingConfig inner) {
    List<Slot> slots = new ArrayList<>();
    if (inner instanceof BaseLayer layer) {
      slots.add(
          new Slot(
              layer::getIUpdater,
              layer::setIUpdater,
              layer::getRegularization,
              layer::setRegularization));
      slots.add(
          new Slot(
              layer::getBiasUpdater,
              layer::setBiasUpdater,
              layer::getRegularizationBias,
              layer::setRegularizationBias));
      GainSlot gain = Opened.gain(layer);
      if (gain != null) {
        slots.add(
            new Slot(
                gain::updater, gain::setUpdater, gain::regularization, gain::setRegularization));
      }
    } else if (inner instanceof AbstractSameDiffLayer layer) {
      slots.add(
          new Slot(
              layer::getUpdater,
              layer::setUpdater,
              layer::getRegularization,
              layer::setRegularization));
      slots.add(
          new Slot(
              layer::getBiasUpdater,
              layer::setBiasUpdater,
              layer::getRegularizationBias,
              layer::setRegularizationBias));
    } else if (inner instanceof SameDiffVertex vertex) {
      slots.add(
          new Slot(
              vertex::getUpdater,
              vertex::setUpdater,
              vertex::getRegularization,
              vertex::setRegularization));
      slots.add(
          new Slot(
              vertex::getBiasUpdater,
              vertex::setBiasUpdater,
              vertex::getRegularizationBias,
              vertex::setRegularizationBias));
    } else if (inner instanceof Bidirectional both) {
      return withBackward(find(both.getFwd()), find(both.getBwd()));
    } else if (inner instanceof BaseWrapperLayer wrapper) {
      return find(wrapper.getUnderlying());
    }
    return slots;
  }

  /**
   * Lets the forward layer speak for both directions, as DL4J does when it trains; what it adds to
   * the score is up to each.
   */
  private static List<Slot> withBackward(List<Slot> forward, List<Slot> backward) {
    List<Slot> slots = new ArrayList<>();
    for (int i = 0; i < forward.size(); i++) {
      Slot own = forward.get(i);
      Slot other = backward.get(i);
      slots.add(
          new Slot(
              own.updater,
              own.setUpdater,
              own.regularization,
              list -> {
                own.setRegularization.accept(list);
                other.setRegularization.accept(list);
              }));
    }
    return slots;
  }

  /** Asks the layer itself which slot's updater it uses for a parameter, as layers differ. */
  public int updaterSlot(String name) {
    return Math.max(0, slotOfUpdater(name));
  }

  /** Tells whether a parameter is updated by one of the slots, as statistics are not. */
  public boolean isUpdated(String name) {
    return slotOfUpdater(name) >= 0;
  }

  private int slotOfUpdater(String name) {
    List<@Nullable IUpdater> present = new ArrayList<>();
    slots.forEach(slot -> present.add(slot.updater.get()));
    List<IUpdater> probes = new ArrayList<>();
    slots.forEach(slot -> probes.add(new NoOp()));
    try {
      for (int i = 0; i < slots.size(); i++) {
        slots.get(i).setUpdater.accept(probes.get(i));
      }
      return indexOf(probes, config.getUpdaterByParam(name));
    } finally {
      for (int i = 0; i < slots.size(); i++) {
        slots.get(i).setUpdater.accept(present.get(i));
      }
    }
  }

  /** Asks the layer itself which slot's regularization it uses for a parameter, -1 if none. */
  public int regularizationSlot(String name) {
    List<@Nullable List<Regularization>> present = new ArrayList<>();
    slots.forEach(slot -> present.add(slot.regularization.get()));
    List<List<Regularization>> probes = new ArrayList<>();
    // Not empty, since a vertex takes what is empty for none.
    slots.forEach(slot -> probes.add(List.of(new L2Regularization(0))));
    try {
      for (int i = 0; i < slots.size(); i++) {
        slots.get(i).setRegularization.accept(probes.get(i));
      }
      return indexOf(probes, config.getRegularizationByParam(name));
    } finally {
      for (int i = 0; i < slots.size(); i++) {
        slots.get(i).setRegularization.accept(present.get(i));
      }
    }
  }

  @SuppressWarnings("ReferenceEquality") // Whether it is the same object is the question.
  private static <T> int indexOf(List<T> probes, @Nullable T found) {
    for (int i = 0; i < probes.size(); i++) {
      if (probes.get(i) == found) {
        return i;
      }
    }
    return -1;
  }
}
