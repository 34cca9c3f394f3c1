package io.github.dl4jtorch.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.ChartTheme;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A chart of rows, each with a dot for every value, and their mean with its standard error. */
final class DotRows {

  private static final int WIDTH = 800;
  private static final int ROW_HEIGHT = 32;
  private static final int NAMES_WIDTH = 180;
  private static final int SURROUNDINGS = 110;

  /** Pixels for each of the above, so that the picture is sharp on dense screens. */
  private static final int SCALE = 2;

  private static final Color VALUES = new Color(0xB9CFE0);
  private static final Color MEANS = new Color(0x1F77B4);

  private final String title;
  private final String xTitle;
  private final List<Row> rows;

  DotRows(String title, String xTitle, List<Row> rows) {
    this.title = title;
    this.xTitle = xTitle;
    this.rows = rows;
  }

  /** A row, whose name stands on the left. */
  record Row(String name, List<Double> values, Estimate estimate) {}

  /** Writes the chart as a PNG, the first row on top. */
  void write(Path file) throws IOException {
    int height = SURROUNDINGS + ROW_HEIGHT * rows.size();
    XYChart chart =
        new XYChartBuilder().theme(ChartTheme.XChart).title(title).xAxisTitle(xTitle).build();
    Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    chart
        .getStyler()
        .setYAxisMin((double) -rows.size())
        .setYAxisMax(1.0)
        .setYAxisTicksVisible(false)
        .setAxisTitleFont(font)
        .setAxisTickLabelsFont(font)
        .setPlotGridLinesColor(new Color(0xE6E6E6))
        .setPlotMargin(0)
        .setPlotContentSize(0.999)
        .setLegendVisible(false)
        .setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 15))
        .setPlotBorderColor(new Color(0xB0B0B0))
        .setChartBackgroundColor(Color.WHITE);
    for (int row = 0; row < rows.size(); row++) {
      List<Double> values = rows.get(row).values();
      XYSeries dots =
          chart.addSeries("values " + row, values, Collections.nCopies(values.size(), -row));
      dots.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(VALUES).setLineStyle(SeriesLines.NONE);
    }
    for (int row = 0; row < rows.size(); row++) {
      Estimate estimate = rows.get(row).estimate();
      double from = estimate.mean() - estimate.standardError();
      double to = estimate.mean() + estimate.standardError();
      XYSeries bar = chart.addSeries("error " + row, List.of(from, to), List.of(-row, -row));
      bar.setMarker(SeriesMarkers.NONE).setLineStyle(new BasicStroke(2.5f)).setLineColor(MEANS);
      XYSeries mean = chart.addSeries("mean " + row, List.of(estimate.mean()), List.of(-row));
      mean.setMarker(SeriesMarkers.DIAMOND).setMarkerColor(MEANS).setLineStyle(SeriesLines.NONE);
    }
    BufferedImage image =
        new BufferedImage(WIDTH * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.scale(SCALE, SCALE);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, WIDTH, height);
    graphics.translate(NAMES_WIDTH, 0);
    chart.paint(graphics, WIDTH - NAMES_WIDTH, height);
    // XChart has no names for the places of an axis with numbers.
    graphics.setFont(font);
    graphics.setColor(Color.BLACK);
    for (int row = 0; row < rows.size(); row++) {
      String name = rows.get(row).name();
      FontMetrics metrics = graphics.getFontMetrics();
      graphics.drawString(
          name,
          (float) -metrics.stringWidth(name),
          (float) chart.getScreenYFromChart(-row) + metrics.getAscent() / 2f);
    }
    graphics.dispose();
    try (var out = Files.newOutputStream(file)) {
      ImageIO.write(image, "png", out);
    }
  }
}
