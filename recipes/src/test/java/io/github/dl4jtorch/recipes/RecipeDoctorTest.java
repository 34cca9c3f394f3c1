package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.dl4jtorch.adapter.Doctor;
import io.github.dl4jtorch.adapter.Finding;
import io.github.dl4jtorch.fixtures.Nets;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.learning.config.Sgd;

/** The doctor sees what a recipe has put on a network. */
class RecipeDoctorTest {

  private static List<String> findings(String recipe) {
    MultiLayerNetwork net = Recipe.fromYaml(recipe).on(Nets.layers(new Sgd(0.5))).network();
    return Doctor.of(net).trainedOn(Nets.epoch(10), 6).examine().stream()
        .map(Finding::toString)
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
        schedule: {type: OneCycleLR, max_lr: 0.1, total_steps: 60}
        step: iteration
        """,
        """
        optimizer:
          type: AdamW
          lr: 0.01
          param_groups:
          - {name: no decay, kind: [bias, normalization], weight_decay: 0}
          - {name: weights, weight_decay: 0.05}
        schedule: {type: CosineAnnealingLR, T_max: 6}
        clip_grad_norm: {max_norm: 1}
        averaging: {type: ema, decay: 0.9, step: iteration}
        """
      })
  void saysNothingOfAHealthyRecipe(String recipe) {
    assertThat(findings(recipe)).isEmpty();
  }

  @Test
  void findsWhatDoesNotFit() {
    assertThat(
            findings(
                """
                optimizer: {type: AdamW, lr: 0.01}
                schedule: {type: OneCycleLR, max_lr: 0.1, total_steps: 60}
                step: epoch
                """))
        .containsExactly(
            "layer0, layer1, layer2: a weight decay of 0.01 acts on the biases. If that is not meant,"
                + " leave them out with TorchOptimizer.withoutDecayOn(NetworkParam::isBias,"
                + " NetworkParam::isNormalization).",
            "the run of OneCycleLR: OneCycleLR has 60 steps, as many as 6 epochs of 10 iterations"
                + " have, but makes one an epoch: it never reaches its highest rate, which is at step"
                + " 17. Step it after iterations.");
  }
}
