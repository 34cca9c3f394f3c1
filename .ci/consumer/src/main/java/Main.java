import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.recipes.Recipe;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.schedule.ScheduleType;

/** Trains ten steps under a schedule, and reads a recipe. */
public final class Main {
  public static void main(String[] args) {
    Schedule oneCycle = OneCycleLR.builder(0.1).totalSteps(10).build();
    MultiLayerNetwork net =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .updater(
                    TorchSchedule.updater(
                        new TorchSGD(0.1).withMomentum(0.9), oneCycle, ScheduleType.ITERATION))
                .list(
                    new OutputLayer.Builder()
                        .nIn(4)
                        .nOut(2)
                        .activation(Activation.SOFTMAX)
                        .build())
                .build());
    net.init();
    DataSet batch = new DataSet(Nd4j.ones(2, 4), Nd4j.eye(2));
    for (int step = 0; step < 10; step++) {
      net.fit(batch);
    }
    Recipe recipe =
        Recipe.fromYaml("{optimizer: {type: SGD, lr: 0.1}, schedule: {type: StepLR, step_size: 3}}");
    System.out.println("last rate " + net.getLearningRate(0) + ", recipe of " + recipe.schedule());
  }
}
