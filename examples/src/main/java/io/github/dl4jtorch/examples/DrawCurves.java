package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.schedules.AnnealStrategy;
import io.github.dl4jtorch.schedules.ChainedScheduler;
import io.github.dl4jtorch.schedules.ConstantLR;
import io.github.dl4jtorch.schedules.CosineAnnealingLR;
import io.github.dl4jtorch.schedules.CosineAnnealingWarmRestarts;
import io.github.dl4jtorch.schedules.CyclicLR;
import io.github.dl4jtorch.schedules.ExponentialLR;
import io.github.dl4jtorch.schedules.LambdaLR;
import io.github.dl4jtorch.schedules.LinearLR;
import io.github.dl4jtorch.schedules.MultiStepLR;
import io.github.dl4jtorch.schedules.MultiplicativeLR;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.ParamGroup;
import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.PolynomialLR;
import io.github.dl4jtorch.schedules.ReduceLROnPlateau;
import io.github.dl4jtorch.schedules.SWALR;
import io.github.dl4jtorch.schedules.Schedule;
import io.github.dl4jtorch.schedules.SequentialLR;
import io.github.dl4jtorch.schedules.Simulation;
import io.github.dl4jtorch.schedules.StepLR;
import io.github.dl4jtorch.schedules.WarmedUp;
import io.github.dl4jtorch.schedules.WarmupLR;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws the small curves of docs/schedulers.md, one picture a scheduler. */
public final class DrawCurves {

  private static final int STEPS = 400;

  private static final int WIDTH = 160;
  private static final int HEIGHT = 48;

  /** Pixels for each of the above, so that the pictures are sharp on dense screens. */
  private static final int SCALE = 2;

  /** Stands out from GitHub's white and from its black. */
  private static final Color BLUE = new Color(0x2F81F7);

  private static final Color NONE = new Color(0, 0, 0, 0);

  /** One of each scheduler, with numbers that show its character. */
  static final List<Schedule> SCHEDULES =
      List.of(
          new LambdaLR(epoch -> Math.min((epoch + 1) / 60, Math.sqrt(60 / (epoch + 1)))),
          new MultiplicativeLR(epoch -> epoch < 200 ? 0.999 : 0.985),
          new StepLR(100, 0.5),
          new MultiStepLR(List.of(160, 240, 360), 0.4),
          new ConstantLR(1.0 / 3, 120),
          new LinearLR(0.1, 1.0, 200),
          new ExponentialLR(0.991),
          new PolynomialLR(STEPS, 2.0),
          new CosineAnnealingLR(STEPS),
          new CosineAnnealingWarmRestarts(60, 2),
          CyclicLR.builder(0.1, 1).stepSizeUp(60).mode(CyclicLR.Mode.TRIANGULAR2).build(),
          OneCycleLR.builder(1).totalSteps(STEPS).build(),
          ReduceLROnPlateau.builder().factor(0.4).patience(50).build(),
          new SWALR(0.3, 200, AnnealStrategy.COS),
          new SequentialLR(
              List.of(new LinearLR(0.1, 1.0, 80), new CosineAnnealingLR(320)), List.of(80)),
          new ChainedScheduler(List.of(new ConstantLR(0.3, 80), new ExponentialLR(0.994))),
          WarmupLR.builder(new CosineAnnealingLR(10))
              .iterationsPerEpoch(40)
              .warmupIterations(120)
              .build(),
          new LinearLR(0.2, 0.9, 150).then(150, new CosineAnnealingLR(250)),
          new PolynomialLR(100, 2.0).repeat(4, 100),
          new CosineAnnealingLR(STEPS).scaledBy(0.5),
          new CosineAnnealingLR(STEPS).clampedTo(0.2, 0.8),
          new StepLR(100, 0.5).shifted(80),
          new CosineAnnealingLR(300).warmedUp(100, WarmedUp.Kind.EXPONENTIAL, 0.01),
          new CosineAnnealingLR(10).perIteration(40));

  private DrawCurves() {}

  /**
   * Draws all curves.
   *
   * @param args the folder to write to; {@code docs/curves} if there is none
   * @throws IOException if a picture cannot be written
   */
  public static void main(String[] args) throws IOException {
    System.setProperty("java.awt.headless", "true");
    Path folder = Files.createDirectories(Path.of(args.length > 0 ? args[0] : "docs/curves"));
    for (Schedule schedule : SCHEDULES) {
      draw(schedule, List.of(1.0), folder.resolve(schedule.getClass().getSimpleName() + ".png"));
    }
  }

  /** Draws what a schedule makes of the groups' rates, of which none goes above 1. */
  static void draw(Schedule schedule, List<Double> lr, Path file) throws IOException {
    // For the plateau: a loss that falls, stands, falls again and stands for good.
    Simulation simulation =
        schedule.simulate(
            ParamGroups.of(lr.stream().map(rate -> ParamGroup.sgd(rate, 0.9)).toList()),
            STEPS,
            step -> STEPS - Math.min(step, 80) - Math.max(0, Math.min(step, 220) - 160));
    XYChart chart = new XYChartBuilder().build();
    for (int group = 0; group < lr.size(); group++) {
      Line line = Line.of("lr " + group, Arrays.stream(simulation.lrs(group)).boxed().toList());
      chart
          .addSeries(line.name(), line.x(), line.y())
          .setMarker(SeriesMarkers.NONE)
          .setLineColor(BLUE)
          .setLineStyle(new BasicStroke(2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    }
    chart
        .getStyler()
        .setYAxisMin(0.0)
        .setYAxisMax(1.0)
        .setAxisTicksVisible(false)
        .setAxisTitlesVisible(false)
        .setPlotGridLinesVisible(false)
        .setPlotMargin(0)
        .setPlotContentSize(0.94)
        .setPlotBorderVisible(false)
        .setPlotBackgroundColor(NONE)
        .setLegendVisible(false)
        .setChartTitleVisible(false)
        .setChartPadding(0)
        .setChartBackgroundColor(NONE);
    BufferedImage image =
        new BufferedImage(WIDTH * SCALE, HEIGHT * SCALE, BufferedImage.TYPE_INT_ARGB);
    Graphics2D graphics = image.createGraphics();
    graphics.scale(SCALE, SCALE);
    chart.paint(graphics, WIDTH, HEIGHT);
    graphics.dispose();
    try (var out = Files.newOutputStream(file)) {
      ImageIO.write(image, "png", out);
    }
  }
}
