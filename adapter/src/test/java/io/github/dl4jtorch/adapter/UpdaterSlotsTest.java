package io.github.dl4jtorch.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.fixtures.CountingSgd;
import java.util.List;
import org.deeplearning4j.nn.api.TrainingConfig;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;

class UpdaterSlotsTest {

  private static final int[] APART = {0, 1};

  /** A layer or vertex of a kind that DL4J does not have. */
  private record Unknown(String name, IUpdater updater) implements TrainingConfig {
    @Override
    public String getLayerName() {
      return name;
    }

    @Override
    public List<Regularization> getRegularizationByParam(String paramName) {
      return List.of();
    }

    @Override
    public boolean isPretrainParam(String paramName) {
      return false;
    }

    @Override
    public IUpdater getUpdaterByParam(String paramName) {
      return updater;
    }

    @Override
    public GradientNormalization getGradientNormalization() {
      return GradientNormalization.None;
    }

    @Override
    public double getGradientNormalizationThreshold() {
      return 1;
    }

    @Override
    public void setDataType(DataType dataType) {}
  }

  private static UpdaterBlocks.Param weights(TrainingConfig config) {
    return new UpdaterBlocks.Param(0, 0, config, "W", config.getUpdaterByParam("W"));
  }

  @Test
  void leaveALayerOfUnknownKindItsOwnUpdater() {
    Unknown layer = new Unknown("a", new Adam(0.1));
    UpdaterSlots.part(
        List.of(weights(layer), weights(new Unknown("b", new Adam(0.1)))), APART, new GroupNames());
    assertThat(UpdaterSlots.named(layer, "W"))
        .isEqualTo(new NetworkParam("a", "W", true, false, false));
  }

  @Test
  void refuseToPartALayerOfUnknownKindFromAnother() {
    IUpdater shared = new Adam(0.1);
    DenseLayer dense = new DenseLayer.Builder().name("b").updater(shared).build();
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                UpdaterSlots.part(
                    List.of(weights(new Unknown("a", shared)), weights(dense)),
                    APART,
                    new GroupNames()))
        .withMessage(
            "param groups 0 and 1 part a.W from b.W, but they share one updater object, and DL4J"
                + " cannot give another to Unknown");
    assertThat(dense.getIUpdater()).isSameAs(shared);
    UpdaterSlots.part(
        List.of(weights(new Unknown("a", shared)), weights(dense)),
        new int[] {0, 0},
        new GroupNames());
  }

  @Test
  void refuseToFreezeALayerOfUnknownKind() {
    Unknown layer = new Unknown("a", new Adam(0.1));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                UpdaterSlots.part(
                    List.of(weights(layer)), new int[] {GroupChoice.FROZEN}, new GroupNames()))
        .withMessage(
            "frozen must not select a.W, since DL4J cannot give another updater to Unknown");
  }

  @Test
  void refuseAnUpdaterThatCannotBeCopied() {
    IUpdater uncopied =
        new CountingSgd(0.1) {
          @Override
          public IUpdater clone() {
            return new CountingSgd(0.2);
          }
        };
    DenseLayer one = new DenseLayer.Builder().name("a").updater(uncopied).build();
    DenseLayer two = new DenseLayer.Builder().name("b").updater(uncopied).build();
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> UpdaterSlots.part(List.of(weights(one), weights(two)), APART, new GroupNames()))
        .withMessage("the updater of a.W must have a clone() that equals it: CountingSgd");
    assertThat(one.getIUpdater()).isSameAs(uncopied);
  }
}
