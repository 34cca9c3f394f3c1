package io.github.dl4jtorch.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.knowm.xchart.AnnotationLine;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.ChartTheme;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Charts one below the other over the same steps. */
final class Panels {

  private static final int WIDTH = 800;
  private static final int HEIGHT = 230;
  private static final int HIGHER = 380;

  /** Pixels for each of the above, so that the picture is sharp on dense screens. */
  private static final int SCALE = 2;

  private static final Color[] COLOURS = {
    new Color(0x1F77B4),
    new Color(0xD9730D),
    new Color(0x2CA02C),
    new Color(0x9467BD),
    new Color(0xC0392B),
    new Color(0x8C564B),
    new Color(0xE377C2),
    new Color(0x17A2B8)
  };

  /** How many letters a legend has room for in one line, and how high a line is otherwise. */
  private static final int LEGEND_LETTERS = 80;

  private static final int LEGEND_LINE = 20;

  private static final Color FAINT = new Color(0xB9CFE0);

  private static final Color MARK = new Color(0x909090);

  private final String title;
  private final String xTitle;
  private final List<XYChart> charts = new ArrayList<>();
  private int height = HEIGHT;

  Panels(String title, String xTitle) {
    this.title = title;
    this.xTitle = xTitle;
  }

  /** How a line looks: a faint one is the background to others, dots lie on the others. */
  private enum Look {
    PLAIN,
    FAINT,
    DOTS
  }

  /** A line over steps. */
  record Line(String name, List<Double> x, List<Double> y, Look look) {

    /** Makes a line of one number a step, each drawn from its step to the next. */
    static Line of(String name, List<Double> values) {
      List<Double> x = new ArrayList<>();
      List<Double> y = new ArrayList<>();
      for (int step = 0; step < values.size(); step++) {
        x.addAll(List.of((double) step, step + 1.0));
        y.addAll(List.of(values.get(step), values.get(step)));
      }
      return through(name, x, y);
    }

    /** Makes a line from point to point. */
    static Line through(String name, List<Double> x, List<Double> y) {
      return new Line(name, x, y, Look.PLAIN);
    }

    Line faint() {
      return new Line(name, x, y, Look.FAINT);
    }

    /** Leaves only the points. */
    Line dots() {
      return new Line(name, x, y, Look.DOTS);
    }

    double last() {
      return x.get(x.size() - 1);
    }
  }

  /** Adds a panel that shows 0. */
  Panels addFromZero(String yTitle, List<Line> lines) {
    add(yTitle, lines);
    charts.get(charts.size() - 1).getStyler().setYAxisMin(0.0);
    return this;
  }

  /** Adds a panel; several lines get a legend below it. */
  Panels add(String yTitle, List<Line> lines) {
    XYChart chart = new XYChartBuilder().theme(ChartTheme.XChart).yAxisTitle(yTitle).build();
    chart.getStyler().setMarkerSize(4).setSeriesColors(COLOURS);
    for (Line line : lines) {
      XYSeries series = chart.addSeries(line.name(), line.x(), line.y());
      series.setMarker(line.look == Look.DOTS ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
      series.setLineStyle(new BasicStroke(1.6f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
      switch (line.look) {
        case FAINT -> series.setLineColor(FAINT);
        case DOTS -> series.setLineStyle(SeriesLines.NONE);
        case PLAIN -> {}
      }
    }
    boolean isWide =
        lines.stream().mapToInt(line -> line.name().length()).sum() > LEGEND_LETTERS
            && lines.size() > 1;
    if (isWide) {
      height = Math.max(height, HEIGHT + LEGEND_LINE * lines.size());
    }
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    chart
        .getStyler()
        .setXAxisMin(0.0)
        // A hair off, as XChart labels evenly spaced values by their number: 22, 44, 66.
        .setXAxisMax(Math.nextUp(lines.stream().mapToDouble(Line::last).max().orElse(1)))
        .setYAxisDecimalPattern("0.##########")
        .setAxisTitleFont(font)
        .setAxisTickLabelsFont(font)
        .setPlotGridLinesColor(new Color(0xE6E6E6))
        .setPlotMargin(0)
        .setPlotContentSize(0.96)
        // The y axes of all panels start at the same place.
        .setYAxisLeftWidthHint(80)
        .setLegendVisible(lines.size() > 1)
        .setLegendPosition(LegendPosition.OutsideS)
        .setLegendLayout(isWide ? LegendLayout.Vertical : LegendLayout.Horizontal)
        .setLegendBorderColor(Color.WHITE)
        .setLegendFont(font)
        .setPlotBorderColor(new Color(0xB0B0B0))
        .setChartBackgroundColor(Color.WHITE);
    charts.add(chart);
    return this;
  }

  /**
   * Adds a panel over the logarithm of x, with a label at each power of ten, and makes all higher.
   *
   * @param yMax what lies above is left out
   */
  Panels addOverPowers(String yTitle, double yMax, List<Line> lines) {
    addFromZero(yTitle, lines);
    List<Double> x = lines.get(0).x();
    charts
        .get(charts.size() - 1)
        .getStyler()
        .setXAxisLogarithmic(true)
        .setXAxisDecimalPattern("0E0")
        .setXAxisMin(x.get(0))
        .setXAxisMax(x.get(x.size() - 1))
        .setYAxisMax(yMax)
        .setMarkerSize(10);
    height = HIGHER;
    return this;
  }

  /**
   * Adds a panel with powers of ten up the side, a label at every other one.
   *
   * @param yMin what lies below, as 0 does, is drawn there
   */
  Panels addPowers(String yTitle, double yMin, double yMax, List<Line> lines) {
    add(
        yTitle,
        lines.stream()
            .map(
                line ->
                    new Line(
                        line.name,
                        line.x,
                        line.y.stream().map(y -> Math.max(y, yMin)).toList(),
                        line.look))
            .toList());
    charts
        .get(charts.size() - 1)
        .getStyler()
        .setYAxisLogarithmic(true)
        .setYAxisTickLabelsFormattingFunction(Panels::powerOfTen)
        .setPlotGridHorizontalLinesVisible(false)
        .setYAxisMin(yMin)
        .setYAxisMax(yMax);
    return this;
  }

  /** Begins all panels at a step. */
  Panels from(int step) {
    charts.forEach(chart -> chart.getStyler().setXAxisMin((double) step));
    return this;
  }

  /** Marks steps in all panels. */
  Panels mark(Collection<Integer> steps) {
    for (XYChart chart : charts) {
      chart
          .getStyler()
          .setAnnotationLineColor(MARK)
          .setAnnotationLineStroke(
              new BasicStroke(
                  1, BasicStroke.CAP_BUTT, BasicStroke.JOIN_BEVEL, 0, new float[] {3, 3}, 0));
      for (int step : steps) {
        chart.addAnnotation(new AnnotationLine(step, true, false));
      }
    }
    return this;
  }

  /** Shows the epoch of each labelled iteration as well. */
  Panels withEpochs(int iterations) {
    for (XYChart chart : charts) {
      chart
          .getStyler()
          .setXAxisTickLabelsFormattingFunction(
              x -> number(x) + " (epoch " + number(x / iterations) + ")");
    }
    return this;
  }

  private static String powerOfTen(double x) {
    long power = Math.round(Math.log10(x));
    return power % 2 == 0 ? "1e" + power : "";
  }

  private static String number(double x) {
    return new DecimalFormat("0.##", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(x);
  }

  /** Writes all panels as one PNG. */
  void write(Path file) throws IOException {
    BufferedImage image = image();
    try (var out = Files.newOutputStream(file)) {
      ImageIO.write(image, "png", out);
    }
  }

  /** Draws all panels. */
  BufferedImage image() {
    charts.get(0).setTitle(title);
    charts.get(0).getStyler().setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
    charts.get(charts.size() - 1).setXAxisTitle(xTitle);
    BufferedImage image =
        new BufferedImage(
            WIDTH * SCALE, height * charts.size() * SCALE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.scale(SCALE, SCALE);
    for (XYChart chart : charts) {
      chart.paint(graphics, WIDTH, height);
      graphics.translate(0, height);
    }
    graphics.dispose();
    return image;
  }
}
