package io.github.dl4jtorch.examples;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;

/** Images of digits with what a network takes them for: the wrong ones first, framed. */
final class DigitsPicture {

  private static final int COLUMNS = 12;
  private static final int ROWS = 5;

  /** How large a pixel of an image is drawn. */
  private static final int PIXEL = 6;

  private static final int IMAGE = DigitsData.SIDE * PIXEL;
  private static final int WIDTH = 64;
  private static final int HEIGHT = 78;
  private static final int MARGIN = 12;
  private static final int TITLE = 44;

  /** Pixels for each of the above, so that the picture is sharp on dense screens. */
  private static final int SCALE = 2;

  private static final Color RIGHT = new Color(0x505050);
  private static final Color WRONG = new Color(0xC0392B);

  private final DataSet images;
  private final int[] truly;
  private final int[] predicted;
  private final List<Integer> wrong = new ArrayList<>();

  private DigitsPicture(DataSet images, int[] truly, int[] predicted) {
    this.images = images;
    this.truly = truly;
    this.predicted = predicted;
    for (int i = 0; i < truly.length; i++) {
      if (predicted[i] != truly[i]) {
        wrong.add(i);
      }
    }
  }

  /** Lets a network read images. */
  static DigitsPicture of(MultiLayerNetwork net, DataSet images) {
    return new DigitsPicture(
        images,
        images.getLabels().argMax(1).toIntVector(),
        net.output(images.getFeatures()).argMax(1).toIntVector());
  }

  /** Returns how many images were read right. */
  int right() {
    return truly.length - wrong.size();
  }

  /** Writes the picture as PNG: as many images as have room. */
  void write(Path file) throws IOException {
    BufferedImage image =
        new BufferedImage(
            SCALE * (2 * MARGIN + COLUMNS * WIDTH),
            SCALE * (TITLE + ROWS * HEIGHT),
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
    graphics.scale(SCALE, SCALE);
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.BLACK);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 15));
    write(
        right()
            + " of "
            + truly.length
            + " test images right"
            + (wrong.isEmpty() ? "" : "; first the others, as what they were read"),
        MARGIN + COLUMNS * WIDTH / 2,
        27,
        graphics);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    List<Integer> shown = shown();
    for (int place = 0; place < shown.size(); place++) {
      draw(
          shown.get(place),
          MARGIN + place % COLUMNS * WIDTH,
          TITLE + place / COLUMNS * HEIGHT,
          graphics);
    }
    graphics.dispose();
    try (var out = Files.newOutputStream(file)) {
      ImageIO.write(image, "png", out);
    }
  }

  private List<Integer> shown() {
    List<Integer> shown = new ArrayList<>(wrong);
    for (int i = 0; i < truly.length; i++) {
      if (predicted[i] == truly[i]) {
        shown.add(i);
      }
    }
    return shown.subList(0, Math.min(COLUMNS * ROWS, shown.size()));
  }

  private void draw(int index, int x, int y, Graphics2D graphics) {
    int left = x + (WIDTH - IMAGE) / 2;
    float[][] ink = images.getFeatures().slice(index).slice(0).toFloatMatrix();
    for (int row = 0; row < DigitsData.SIDE; row++) {
      for (int column = 0; column < DigitsData.SIDE; column++) {
        float paper = 1 - ink[row][column];
        graphics.setColor(new Color(paper, paper, paper));
        graphics.fillRect(left + column * PIXEL, y + row * PIXEL, PIXEL, PIXEL);
      }
    }
    boolean isRight = predicted[index] == truly[index];
    graphics.setColor(isRight ? new Color(0xD0D0D0) : WRONG);
    graphics.setStroke(new BasicStroke(isRight ? 1 : 2));
    graphics.drawRect(left, y, IMAGE, IMAGE);
    graphics.setColor(isRight ? RIGHT : WRONG);
    write(
        isRight ? "" + predicted[index] : predicted[index] + ", is " + truly[index],
        x + WIDTH / 2,
        y + IMAGE + 16,
        graphics);
  }

  private static void write(String text, int middle, int y, Graphics2D graphics) {
    graphics.drawString(text, middle - graphics.getFontMetrics().stringWidth(text) / 2, y);
  }
}
