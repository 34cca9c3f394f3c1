package io.github.dl4jtorch.recipes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchAdamW;
import io.github.dl4jtorch.adapter.optim.TorchOptimizer;
import io.github.dl4jtorch.fixtures.Nets;
import io.github.dl4jtorch.schedules.families.HuggingFace;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.learning.config.Sgd;

/** Schedules of other libraries are named in a recipe as PyTorch's are. */
class FamiliesTest {

  @Test
  void trainsByAScheduleOfAnotherLibrary() {
    Recipe recipe =
        Recipe.fromYaml(
            """
            optimizer: {type: AdamW, lr: 0.1}
            schedule: {type: huggingface.cosine, num_warmup_steps: 3, num_training_steps: 10}
            step: iteration
            """);
    MultiLayerNetwork net = recipe.on(Nets.layersConfiguration(new Sgd(1))).network();
    MultiLayerNetwork byCode =
        TorchOptimizer.of(new TorchAdamW(0.1)).applyTo(Nets.layers(new Sgd(1)));
    byCode.addListeners(
        SchedulerListener.everyIteration(
            HuggingFace.getScheduler("cosine", 3, 10).attach(NetworkParamGroups.of(byCode))));
    net.fit(Nets.epoch(8));
    byCode.fit(Nets.epoch(8));
    assertThat(Nets.params(net)).isEqualTo(Nets.params(byCode));
    assertThat(Recipe.of(net)).isEqualTo(recipe);
  }

  @Test
  void tellsWhatIsWrongWithThem() {
    assertThatThrownBy(
            () ->
                Recipe.fromYaml(
                    """
                    optimizer: {type: AdamW, lr: 0.1}
                    schedule:
                      type: SequentialLR
                      schedulers:
                      - {type: huggingface.cosin}
                      - {type: huggingface.cosine, num_warmup_step: 3, num_training_steps: x}
                      milestones: [5]
                    """))
        .isInstanceOf(RecipeException.class)
        .hasMessage(
            """
            the recipe has 3 problems:
              schedule.schedulers[0].type (line 5, column 12): must name a schedule but was "huggingface.cosin"; did you mean "huggingface.cosine"?
              schedule.schedulers[1].num_warmup_step (line 6, column 32): is unknown; did you mean "num_warmup_steps"?
              schedule.schedulers[1].num_training_steps (line 6, column 72): must be a whole number but was "x\"""");
  }
}
